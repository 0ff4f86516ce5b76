// SPDX-License-Identifier: Apache-2.0
#include "parsimony/network/map_sum.h"

#include <algorithm>

#include "parsimony/network/interpolation.h"
#include "parsimony/network/layout.h"
#include "parsimony/network/scratch.h"
#include "parsimony/network/simd/loops.h"

namespace parsimony::network {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

Tensor reference(const std::vector<FeatureMap>& terms,
                 std::int64_t height,
                 std::int64_t width,
                 bool relu) {
  Tensor sum = resize_bilinear(terms[0].values, height, width);
  for (std::size_t i = 1; i < terms.size(); ++i)
    sum = sum + resize_bilinear(terms[i].values, height, width);
  return relu ? at::relu(sum) : sum;
}

// One term's way into the rows of the result, and back.
class Term {
 public:
  Term(at::IntArrayRef shape, std::int64_t height, std::int64_t width)
      : channels_(shape[1]),
        height_(shape[2]),
        width_(shape[3]),
        same_size_(height_ == height && width_ == width),
        down_(height_, height),
        across_(width_, width) {}

  bool same_size() const { return same_size_; }
  std::int64_t picture_size() const { return height_ * width_ * channels_; }
  std::int64_t row_size() const { return width_ * channels_; }

  // Writes or adds row y of the resized picture n to `row`.
  void read(const PixelReader& map, std::int64_t n, std::int64_t y, bool add, float* row) const {
    const simd::Loops& loops = simd::loops();
    if (same_size_) {
      if (!add) return map.copy((n * height_ + y) * width_, width_, row);
      return loops.copy_or_add(row_size(), source_row(map, n, y, Scratch::kFirst), true, row);
    }
    const simd::Interpolation down = down_.view();
    const float* source = source_row(map, n, down.first[y], Scratch::kFirst);
    if (down.share[y] != 0) {
      const float* second = source_row(map, n, down.second[y], Scratch::kSecond);
      float* mixed = scratch(Scratch::kThird, row_size());
      loops.mix(row_size(), source, second, down.share[y], mixed);
      source = mixed;
    }
    loops.interpolate_row(across_.view(), channels_, source, add, row);
  }

  // The adjoint of read(): adds a gradient of row y to that of the picture.
  void add_gradient(const float* row, std::int64_t y, float* mixed, float* picture) const {
    const simd::Loops& loops = simd::loops();
    const simd::Interpolation down = down_.view();
    std::fill_n(mixed, row_size(), 0.0F);
    loops.spread_row(across_.view(), channels_, row, mixed);
    loops.add_scaled(row_size(), mixed, 1 - down.share[y], picture + down.first[y] * row_size());
    if (down.share[y] != 0)
      loops.add_scaled(row_size(), mixed, down.share[y], picture + down.second[y] * row_size());
  }

 private:
  const float* source_row(const PixelReader& map,
                          std::int64_t n,
                          std::int64_t y,
                          Scratch buffer) const {
    return map.read((n * height_ + y) * width_, width_, buffer);
  }

  std::int64_t channels_, height_, width_;
  bool same_size_;
  InterpolationTable down_, across_;
};

struct MapSum : Function<MapSum> {
  static Tensor forward(AutogradContext* context,
                        const at::TensorList& values,
                        const std::vector<Activation>& activations,
                        std::int64_t height,
                        std::int64_t width,
                        bool relu) {
    std::vector<FeatureMap> terms;
    std::vector<Term> ways;
    for (std::size_t t = 0; t < values.size(); ++t) {
      terms.emplace_back(channels_last(values[t]), activations[t]);
      ways.emplace_back(values[t].sizes(), height, width);
    }
    const std::vector<PixelReader> readers(terms.begin(), terms.end());
    const std::int64_t batch = values[0].size(0);
    const std::int64_t channels = values[0].size(1);
    Tensor sum = at::empty(
        {batch, channels, height, width}, values[0].options(), at::MemoryFormat::ChannelsLast);
    const PixelWriter writer(sum);
    const std::int64_t row_size = width * channels;
    constexpr std::int64_t kRowsPerTask = 16;
    at::parallel_for(0, batch * height, kRowsPerTask, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        float* row = writer.begin(i * width, width, Scratch::kFourth);
        for (std::size_t t = 0; t < terms.size(); ++t)
          ways[t].read(readers[t], i / height, i % height, /*add=*/t > 0, row);
        if (relu) simd::loops().relu(row_size, row);
        writer.end(i * width, width, row);
      }
    });
    std::vector<std::int64_t> shapes;  // four numbers per term
    for (const Tensor& term : values)
      shapes.insert(shapes.end(), term.sizes().begin(), term.sizes().end());
    context->saved_data["shapes"] = shapes;
    context->saved_data["relu"] = relu;
    if (relu) context->save_for_backward({sum});
    return sum;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    Tensor dy = channels_last(gradients[0]);
    if (context->saved_data["relu"].toBool()) {
      const Tensor sum = context->get_saved_variables()[0];
      const Tensor passed = at::empty_like(dy);
      pass_by_relu(dy, sum, passed);
      dy = passed;
    }
    const std::vector<std::int64_t> shapes = context->saved_data["shapes"].toIntVector();
    variable_list results;
    for (std::size_t t = 0; 4 * t < shapes.size(); ++t) {
      const at::IntArrayRef shape(shapes.data() + 4 * t, 4);
      results.push_back(context->needs_input_grad(t) ? gradient_of(shape, dy) : Tensor());
    }
    results.insert(results.end(), 4, Tensor());
    return results;
  }

  static void pass_by_relu(const Tensor& dy, const Tensor& y, const Tensor& passed) {
    constexpr std::int64_t kValuesPerTask = 1 << 16;
    at::parallel_for(0, dy.numel(), kValuesPerTask, [&](std::int64_t begin, std::int64_t end) {
      const auto run = [&](auto pass, auto* g, auto* values, auto* out) {
        pass(end - begin, g + begin, values + begin, out + begin);
      };
      if (is_narrow(dy)) {
        run(simd::bf16_loops()->passed_by_relu,
            narrow_data(dy),
            narrow_data(y),
            narrow_data(passed));
      } else {
        run(simd::loops().passed_by_relu,
            dy.data_ptr<float>(),
            y.data_ptr<float>(),
            passed.data_ptr<float>());
      }
    });
  }

  static Tensor gradient_of(at::IntArrayRef shape, const Tensor& dy) {
    const std::int64_t height = dy.size(2);
    const Term way(shape, height, dy.size(3));
    if (way.same_size()) return dy;
    const Tensor gradient = at::empty(shape, dy.options(), at::MemoryFormat::ChannelsLast);
    const FeatureMap map(dy);
    const PixelReader reader(map);
    const PixelWriter writer(gradient);
    const std::int64_t pixels = shape[2] * shape[3];
    at::parallel_for(0, dy.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
      float* mixed = scratch(Scratch::kFirst, way.row_size());
      for (std::int64_t n = begin; n < end; ++n) {
        float* picture = writer.begin(n * pixels, pixels, Scratch::kSecond);
        std::fill_n(picture, way.picture_size(), 0.0F);
        for (std::int64_t y = 0; y < height; ++y) {
          const float* row =
              reader.read((n * height + y) * dy.size(3), dy.size(3), Scratch::kThird);
          way.add_gradient(row, y, mixed, picture);
        }
        writer.end(n * pixels, pixels, picture);
      }
    });
    return gradient;
  }
};

bool suits(const std::vector<FeatureMap>& terms) {
  return std::all_of(terms.begin(), terms.end(), [](const FeatureMap& term) {
    return suits_own_loops(term.values) || is_narrow(term.values);
  });
}

}  // namespace

Tensor map_sum(const std::vector<FeatureMap>& terms,
               std::int64_t height,
               std::int64_t width,
               bool relu,
               Kernels kernels) {
  const Tensor& first = terms[0].values;
  if (terms.size() == 1 && !terms[0].activation.defined() && !relu && first.size(2) == height &&
      first.size(3) == width)
    return first;
  if (kernels == Kernels::kFast && suits(terms)) {
    const SplitMaps split(terms);
    return MapSum::apply(at::TensorList(split.values), split.activations, height, width, relu);
  }
  return reference(terms, height, width, relu);
}

}  // namespace parsimony::network
