// SPDX-License-Identifier: Apache-2.0
#include "parsimony/network/pixel_classes.h"

#include <algorithm>
#include <cmath>

#include "parsimony/network/interpolation.h"
#include "parsimony/network/layout.h"
#include "parsimony/network/scratch.h"
#include "parsimony/network/simd/loops.h"

namespace parsimony::network {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

constexpr std::int64_t kRowsPerTask = 16;

bool suits_rows(const Tensor& logits, Kernels kernels) {
  return kernels == Kernels::kFast && suits_own_loops(logits) && logits.size(1) <= kIgnored;
}

// Rows of a channels-last picture [height, width, classes], resized in height and with pixels
// padded to whole vectors, as the row loops want them.
struct PaddedRows {
  std::int64_t width, classes, padded;
  simd::Interpolation down;

  PaddedRows(const Tensor& logits, const simd::Interpolation& interpolation)
      : width(logits.size(3)), classes(logits.size(1)), down(interpolation) {
    const std::int64_t lanes = simd::loops().lanes;
    padded = (classes + lanes - 1) / lanes * lanes;
  }
  std::int64_t size() const { return width * padded; }

  void clear(float* row, float value) const { std::fill_n(row, size(), value); }

  // Leaves the padding of `row` as it is.
  void read(const float* picture, std::int64_t y, float* row) const {
    const float* first = picture + down.first[y] * width * classes;
    const float* second = picture + down.second[y] * width * classes;
    const float share = down.share[y];
    for (std::int64_t x = 0; x < width; ++x) {
      for (std::int64_t c = 0; c < classes; ++c) {
        const float value = first[x * classes + c];
        row[x * padded + c] = value + share * (second[x * classes + c] - value);
      }
    }
  }

  // The adjoint of read().
  void add(const float* row, std::int64_t y, float* picture) const {
    float* first = picture + down.first[y] * width * classes;
    float* second = picture + down.second[y] * width * classes;
    const float share = down.share[y];
    for (std::int64_t x = 0; x < width; ++x) {
      for (std::int64_t c = 0; c < classes; ++c) {
        const float value = row[x * padded + c];
        first[x * classes + c] += (1 - share) * value;
        second[x * classes + c] += share * value;
      }
    }
  }
};

// The gradient is made along with the value: what it needs exists only pixel by pixel.
struct PixelCrossEntropy : Function<PixelCrossEntropy> {
  static Tensor forward(AutogradContext* context, const Tensor& logits_any, const Tensor& labels) {
    const Tensor logits = channels_last(logits_any);
    const std::int64_t height = labels.size(1);
    const std::int64_t width = labels.size(2);
    const InterpolationTable down(logits.size(2), height);
    const InterpolationTable across(logits.size(3), width);
    const PaddedRows rows(logits, down.view());
    const std::int64_t picture = logits.numel() / logits.size(0);

    Tensor gradient = at::zeros_like(logits, at::MemoryFormat::ChannelsLast);
    Tensor losses = at::zeros({logits.size(0)}, at::kDouble);
    const float* in = logits.data_ptr<float>();
    const std::uint8_t* truth = labels.data_ptr<std::uint8_t>();
    float* out = gradient.data_ptr<float>();
    at::parallel_for(0, logits.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
      float* row = scratch(Scratch::kFirst, rows.size());
      float* row_gradient = scratch(Scratch::kSecond, rows.size());
      rows.clear(row, simd::kNoClass);
      for (std::int64_t n = begin; n < end; ++n) {
        double& loss = losses.data_ptr<double>()[n];
        for (std::int64_t y = 0; y < height; ++y) {
          rows.read(in + n * picture, y, row);
          rows.clear(row_gradient, 0);
          loss += simd::loops().cross_entropy_row(
              across.view(), rows.classes, row, truth + (n * height + y) * width, row_gradient);
          rows.add(row_gradient, y, out + n * picture);
        }
      }
    });
    const std::int64_t counted = std::count_if(
        truth, truth + labels.numel(), [&](std::uint8_t label) { return label < rows.classes; });
    const double share = 1.0 / static_cast<double>(std::max<std::int64_t>(counted, 1));
    context->saved_data["share"] = share;
    context->save_for_backward({gradient});
    return (losses.sum() * share).to(at::kFloat);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const Tensor gradient = context->get_saved_variables()[0];
    return {gradient * (gradients[0] * context->saved_data["share"].toDouble()), Tensor()};
  }
};

Tensor losses_by_rows(const Tensor& logits_any, const Tensor& labels) {
  const Tensor logits = channels_last(logits_any);
  const std::int64_t height = labels.size(1);
  const std::int64_t width = labels.size(2);
  const InterpolationTable down(logits.size(2), height);
  const InterpolationTable across(logits.size(3), width);
  const PaddedRows rows(logits, down.view());
  const std::int64_t picture = logits.numel() / logits.size(0);
  Tensor losses = at::empty(labels.sizes(), at::kFloat);
  const float* in = logits.data_ptr<float>();
  const std::uint8_t* truth = labels.data_ptr<std::uint8_t>();
  float* out = losses.data_ptr<float>();
  at::parallel_for(
      0, logits.size(0) * height, kRowsPerTask, [&](std::int64_t begin, std::int64_t end) {
        float* row = scratch(Scratch::kFirst, rows.size());
        rows.clear(row, simd::kNoClass);
        for (std::int64_t i = begin; i < end; ++i) {
          rows.read(in + i / height * picture, i % height, row);
          simd::loops().pixel_losses_row(
              across.view(), rows.classes, row, truth + i * width, out + i * width);
        }
      });
  return losses;
}

// The cross-entropy of each pixel, [N, H, W], without gradient; kNoLoss where it is ignored.
Tensor pixel_losses(const Tensor& logits, const Tensor& labels, Kernels kernels) {
  const at::NoGradGuard no_grad;
  if (suits_rows(logits, kernels) && labels.scalar_type() == at::kByte)
    return losses_by_rows(logits, labels.contiguous());
  // Picture by picture: resized logits are many times the size of the losses.
  std::vector<Tensor> losses;
  for (std::int64_t n = 0; n < logits.size(0); ++n) {
    const Tensor truth = labels.narrow(0, n, 1);
    const Tensor resized = resize_bilinear(logits.narrow(0, n, 1), truth.size(1), truth.size(2));
    losses.push_back(
        at::nll_loss2d(
            at::log_softmax(resized, 1), truth.to(at::kLong), {}, at::Reduction::None, kIgnored)
            .masked_fill_(truth == kIgnored, simd::kNoLoss));
  }
  return at::cat(losses);
}

// The smallest loss that counts.
double smallest_hard_loss(const Tensor& losses, const HardPixels& hard) {
  const double beyond_threshold = -std::log(hard.threshold);
  const auto labelled = losses.ne(simd::kNoLoss).sum().item<double>();
  const auto kept = static_cast<std::int64_t>(std::ceil(hard.kept * labelled));
  if (losses.ge(beyond_threshold).sum().item<std::int64_t>() >= kept) return beyond_threshold;
  return std::get<0>(at::kthvalue(losses.flatten(), losses.numel() - kept + 1)).item<double>();
}

}  // namespace

void HardPixels::visit(core::FieldVisitor& v) {
  v.field(
      "threshold", threshold, {"pixels whose true class has at most this probability count", 0, 1});
  v.field("kept",
          kept,
          {"share of a batch's labelled pixels that count in any case, the hardest", 0, 1});
}

Tensor pixel_cross_entropy(const Tensor& logits, const Tensor& labels_any, Kernels kernels) {
  const Tensor labels = labels_any.to(logits.device());
  if (suits_rows(logits, kernels) && labels.scalar_type() == at::kByte)
    return PixelCrossEntropy::apply(logits, labels.contiguous());
  const Tensor resized = resize_bilinear(logits, labels.size(1), labels.size(2));
  const Tensor total = at::nll_loss2d(
      at::log_softmax(resized, 1), labels.to(at::kLong), {}, at::Reduction::Sum, kIgnored);
  return total / (labels != kIgnored).sum().clamp_min(1);
}

Tensor hard_pixel_cross_entropy(const Tensor& logits,
                                const Tensor& labels_any,
                                const HardPixels& hard,
                                Kernels kernels) {
  const Tensor labels = labels_any.to(logits.device());
  const Tensor losses = pixel_losses(logits, labels, kernels);
  // Not "at least that": what is not a number has to count, or a training would not see it.
  const Tensor easy = losses.lt(smallest_hard_loss(losses, hard));
  return pixel_cross_entropy(logits, labels.masked_fill(easy, kIgnored), kernels);
}

Tensor pixel_classes(const Tensor& logits_any,
                     std::int64_t height,
                     std::int64_t width,
                     Kernels kernels) {
  if (!suits_rows(logits_any, kernels))
    return resize_bilinear(logits_any, height, width).argmax(1).to(at::kByte).contiguous();
  const Tensor logits = channels_last(logits_any);
  const InterpolationTable down(logits.size(2), height);
  const InterpolationTable across(logits.size(3), width);
  const PaddedRows rows(logits, down.view());
  const std::int64_t picture = logits.numel() / logits.size(0);
  Tensor classes = at::empty({logits.size(0), height, width}, at::kByte);
  const float* in = logits.data_ptr<float>();
  std::uint8_t* out = classes.data_ptr<std::uint8_t>();
  at::parallel_for(
      0, logits.size(0) * height, kRowsPerTask, [&](std::int64_t begin, std::int64_t end) {
        float* row = scratch(Scratch::kFirst, rows.size());
        rows.clear(row, simd::kNoClass);
        for (std::int64_t i = begin; i < end; ++i) {
          rows.read(in + i / height * picture, i % height, row);
          simd::loops().largest_class_row(across.view(), rows.classes, row, out + i * width);
        }
      });
  return classes;
}

}  // namespace parsimony::network
