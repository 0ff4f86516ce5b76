// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/augment.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include "parsimony/core/error.h"

namespace parsimony::data {
namespace {

// The ImageNet mean in 8 bits: padding becomes zero once the picture is normalised for the encoder.
constexpr Rgb kMeanColour{124, 116, 104};

// The picture after scaling, of which only a window is ever computed.
struct Size {
  std::int64_t width = 0;
  std::int64_t height = 0;
};

// Along one axis: output pixel i of the window is pixel start + i of the scaled picture. Pixels of
// the window that lie outside [0, scaled) are padding.
struct AxisWindow {
  std::int64_t source = 0;  // length of the source
  std::int64_t scaled = 0;  // length of the whole scaled picture
  std::int64_t start = 0;
  std::int64_t length = 0;
  bool mirrored = false;

  // The pixel of the scaled picture behind output pixel i; may lie outside.
  std::int64_t position(std::int64_t i) const { return start + (mirrored ? length - 1 - i : i); }
  bool inside(std::int64_t i) const { return position(i) >= 0 && position(i) < scaled; }
  double zoom() const { return static_cast<double>(scaled) / static_cast<double>(source); }
  // Where a place of the source lies in the window; whole numbers are centres of pixels. Exact
  // where nothing is scaled.
  float place_of(float place) const {
    const double whole = scaled == source ? double{place} : (double{place} + 0.5) * zoom() - 0.5;
    const double inner = whole - static_cast<double>(start);
    return static_cast<float>(mirrored ? static_cast<double>(length - 1) - inner : inner);
  }
};

// Which source pixels make each output pixel of an axis, and how much of each: `count` of them from
// first[i] on, some with weight 0, so that inner loops have one length.
struct Taps {
  static constexpr std::int64_t kPadding = -1;
  std::size_t count = 0;
  std::vector<std::int64_t> first;  // kPadding outside the picture
  std::vector<float> weights;       // [output, count]

  const float* weights_of(std::size_t i) const { return &weights[i * count]; }
};

// Keys' cubic convolution kernel with a = -0.5 (Catmull-Rom).
double cubic(double x) {
  x = std::abs(x);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  if (x < 2) return ((-0.5 * x + 2.5) * x - 4) * x + 2;
  return 0;
}

// Taps beyond the border are left out and the others scaled up, so that flat areas stay flat.
Taps taps_of(const AxisWindow& window) {
  const double ratio = static_cast<double>(window.source) / static_cast<double>(window.scaled);
  const double stretch = std::max(1.0, ratio);  // shrinking widens the kernel: no aliasing
  const auto count = std::min(window.source, static_cast<std::int64_t>(std::ceil(4 * stretch)));
  const auto length = static_cast<std::size_t>(window.length);
  Taps taps;
  taps.count = static_cast<std::size_t>(count);
  taps.first.assign(length, Taps::kPadding);
  taps.weights.assign(length * taps.count, 0.0F);
  std::vector<double> exact(taps.count);
  for (std::size_t i = 0; i < length; ++i) {
    const auto output = static_cast<std::int64_t>(i);
    if (!window.inside(output)) continue;
    const double centre = (static_cast<double>(window.position(output)) + 0.5) * ratio - 0.5;
    const auto lowest = static_cast<std::int64_t>(std::floor(centre - 2 * stretch)) + 1;
    const std::int64_t first = std::clamp<std::int64_t>(lowest, 0, window.source - count);
    double sum = 0;
    for (std::size_t k = 0; k < taps.count; ++k) {
      const double source = static_cast<double>(first + static_cast<std::int64_t>(k));
      exact[k] = cubic((source - centre) / stretch);
      sum += exact[k];
    }
    taps.first[i] = first;
    for (std::size_t k = 0; k < taps.count; ++k) {
      taps.weights[i * taps.count + k] = static_cast<float>(exact[k] / sum);
    }
  }
  return taps;
}

// Rows of the source, filtered horizontally when first asked for and kept while still needed.
class FilteredRows {
 public:
  FilteredRows(const Image& image, const Taps& columns, std::size_t kept)
      : image_(image), columns_(columns), rows_(kept), held_(kept, -1), low_(image.width) {
    // Four floats a pixel let the compiler treat a pixel as one vector register.
    source_.resize(static_cast<std::size_t>(image.width) * 4);
    for (const std::int64_t first : columns.first) {
      if (first == Taps::kPadding) continue;
      low_ = std::min(low_, first);
      high_ = std::max(high_, first + static_cast<std::int64_t>(columns.count));
    }
  }

  const float* row(std::int64_t y) {
    const std::size_t slot = static_cast<std::size_t>(y) % rows_.size();
    if (held_[slot] != y) {
      filter(y, rows_[slot]);
      held_[slot] = y;
    }
    return rows_[slot].data();
  }

 private:
  void filter(std::int64_t y, std::vector<float>& out) {
    for (std::int64_t x = low_; x < high_; ++x) {
      const std::uint8_t* from = image_.at(x, y);
      float* to = &source_[static_cast<std::size_t>(4 * x)];
      for (int c = 0; c < 3; ++c) to[c] = from[c];
    }
    out.resize(columns_.first.size() * 4);
    for (std::size_t i = 0; i < columns_.first.size(); ++i) {
      if (columns_.first[i] == Taps::kPadding) continue;
      const float* from = &source_[static_cast<std::size_t>(4 * columns_.first[i])];
      const float* weights = columns_.weights_of(i);
      float sum[4] = {0, 0, 0, 0};
      for (std::size_t k = 0; k < columns_.count; ++k) {
        for (std::size_t c = 0; c < 4; ++c) sum[c] += weights[k] * from[4 * k + c];
      }
      std::copy_n(sum, 4, &out[4 * i]);
    }
  }

  const Image& image_;
  const Taps& columns_;
  std::vector<std::vector<float>> rows_;
  std::vector<std::int64_t> held_;   // which source row a slot holds
  std::vector<float> source_;        // one source row as floats
  std::int64_t low_ = 0, high_ = 0;  // the columns of the source that are needed
};

std::uint8_t to_byte(float value) {
  return static_cast<std::uint8_t>(std::clamp(value, 0.0F, 255.0F) + 0.5F);
}

// Separable bicubic resampling of a window; horizontally first, because pictures are mostly
// enlarged and that filters the fewer rows.
Image bicubic_window(const Image& image, const AxisWindow& across, const AxisWindow& down) {
  const Taps columns = taps_of(across);
  const Taps rows = taps_of(down);
  FilteredRows filtered(image, columns, rows.count);

  Image out(across.length, down.length);
  std::vector<float> sum(columns.first.size() * 4);
  for (std::size_t y = 0; y < rows.first.size(); ++y) {
    const bool padding = rows.first[y] == Taps::kPadding;
    std::fill(sum.begin(), sum.end(), 0.0F);
    for (std::size_t k = 0; k < rows.count && !padding; ++k) {
      const float* from = filtered.row(rows.first[y] + static_cast<std::int64_t>(k));
      const float weight = rows.weights_of(y)[k];
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += weight * from[i];
    }
    std::uint8_t* to = out.at(0, static_cast<std::int64_t>(y));
    for (std::size_t x = 0; x < columns.first.size(); ++x, to += 3) {
      if (padding || columns.first[x] == Taps::kPadding) {
        to[0] = kMeanColour.r, to[1] = kMeanColour.g, to[2] = kMeanColour.b;
      } else {
        for (std::size_t c = 0; c < 3; ++c) to[c] = to_byte(sum[4 * x + c]);
      }
    }
  }
  return out;
}

// The source pixel under the centre of each output pixel, or -1 for padding. In integers, because
// floor((i + 0.5) * ratio) must not depend on rounding.
std::vector<std::int64_t> nearest_of(const AxisWindow& window) {
  std::vector<std::int64_t> nearest(static_cast<std::size_t>(window.length), -1);
  for (std::int64_t i = 0; i < window.length; ++i) {
    if (!window.inside(i)) continue;
    nearest[static_cast<std::size_t>(i)] =
        (2 * window.position(i) + 1) * window.source / (2 * window.scaled);
  }
  return nearest;
}

// Writes to `out`, which is filled with padding, the pixels of `map` that the window shows.
template <typename Map>
void fill_nearest(const Map& map, const AxisWindow& across, const AxisWindow& down, Map& out) {
  const std::vector<std::int64_t> columns = nearest_of(across);
  const std::vector<std::int64_t> rows = nearest_of(down);
  for (std::int64_t y = 0; y < down.length; ++y) {
    const std::int64_t source_y = rows[static_cast<std::size_t>(y)];
    if (source_y < 0) continue;
    for (std::int64_t x = 0; x < across.length; ++x) {
      const std::int64_t source_x = columns[static_cast<std::size_t>(x)];
      if (source_x >= 0) out.at(x, y) = map.at(source_x, source_y);
    }
  }
}

LabelMap nearest_window(const LabelMap& labels, const AxisWindow& across, const AxisWindow& down) {
  LabelMap out(across.length, down.length, LabelMap::kIgnore);
  fill_nearest(labels, across, down, out);
  return out;
}

DepthMap nearest_window(const DepthMap& depth, const AxisWindow& across, const AxisWindow& down) {
  DepthMap out(across.length, down.length, DepthMap::kInvalid);
  fill_nearest(depth, across, down, out);
  return out;
}

// By how much the window enlarges lengths.
double zoom_of(const AxisWindow& across, const AxisWindow& down) {
  return std::sqrt(across.zoom() * down.zoom());
}

DepthMap depth_window(const DepthMap& depth, const AxisWindow& across, const AxisWindow& down) {
  DepthMap out = nearest_window(depth, across, down);
  const auto zoom = static_cast<float>(zoom_of(across, down));
  for (float& metres : out.metres) metres /= zoom;
  return out;
}

Pose pose_window(Pose pose,
                 const JointPairs& pairs,
                 const AxisWindow& across,
                 const AxisWindow& down) {
  for (Joint& joint : pose.joints) {
    joint.x = across.place_of(joint.x);
    joint.y = down.place_of(joint.y);
  }
  pose.head_size *= zoom_of(across, down);
  pose.area *= across.zoom() * down.zoom();
  if (!across.mirrored) return pose;
  for (const auto& [left, right] : pairs) {
    std::swap(pose.joints.at(static_cast<std::size_t>(left)),
              pose.joints.at(static_cast<std::size_t>(right)));
  }
  return pose;
}

void swap_sides(const MirrorPairs& pairs, LabelMap& labels) {
  if (pairs.empty()) return;
  std::array<std::uint8_t, 256> other{};
  std::iota(other.begin(), other.end(), std::uint8_t{0});
  for (const auto& [left, right] : pairs) std::swap(other[left], other[right]);
  for (std::uint8_t& id : labels.ids) id = other[id];
}

Sample window_of(const Sample& sample, const AxisWindow& across, const AxisWindow& down) {
  Sample window{.image = bicubic_window(sample.image, across, down),
                .mirror_pairs = sample.mirror_pairs,
                .joint_pairs = sample.joint_pairs};
  if (sample.labels.width > 0) {
    window.labels = nearest_window(sample.labels, across, down);
    if (across.mirrored) swap_sides(window.mirror_pairs, window.labels);
  }
  if (sample.depth.width > 0) window.depth = depth_window(sample.depth, across, down);
  if (sample.pose) window.pose = pose_window(*sample.pose, sample.joint_pairs, across, down);
  return window;
}

double grey_of(const std::uint8_t* rgb) {
  return 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2];  // luma of ITU-R BT.601
}

// Brightness, then contrast about the mean grey, then saturation about each pixel's grey, as one
// linear map of pixel and grey. Pixels of the padding stay the mean colour.
void change_colours(Image& image,
                    const AxisWindow& across,
                    const AxisWindow& down,
                    double strength,
                    core::Rng& rng) {
  const double brightness = rng.uniform(1 - strength, 1 + strength);
  const double contrast = rng.uniform(1 - strength, 1 + strength);
  const double saturation = rng.uniform(1 - strength, 1 + strength);
  const auto for_each_pixel = [&](const auto& change) {
    for (std::int64_t y = 0; y < image.height; ++y) {
      if (!down.inside(y)) continue;
      for (std::int64_t x = 0; x < image.width; ++x) {
        if (across.inside(x)) change(image.at(x, y));
      }
    }
  };
  double sum = 0;
  std::int64_t pixels = 0;
  for_each_pixel([&](const std::uint8_t* rgb) {
    sum += grey_of(rgb);
    ++pixels;
  });
  const double mean = sum / static_cast<double>(std::max<std::int64_t>(1, pixels));
  const auto of_pixel = static_cast<float>(brightness * contrast * saturation);
  const auto of_grey = static_cast<float>(brightness * contrast * (1 - saturation));
  const auto shift = static_cast<float>((1 - contrast) * brightness * mean);
  for_each_pixel([&](std::uint8_t* rgb) {
    const float base = of_grey * static_cast<float>(grey_of(rgb)) + shift;
    for (int c = 0; c < 3; ++c) rgb[c] = to_byte(of_pixel * static_cast<float>(rgb[c]) + base);
  });
}

// Maps of labels may be absent, but not of another size than the picture.
template <typename Map>
bool fits(const Image& image, const Map& map) {
  const bool absent = map.width == 0 && map.height == 0;
  return absent || (map.width == image.width && map.height == image.height);
}

void require_sound(const Sample& sample) {
  const Image& image = sample.image;
  core::require(
      image.width > 0 && image.height > 0 && fits(image, sample.labels) &&
          fits(image, sample.depth),
      "sample has an image of {}x{}, labels of {}x{} and depth of {}x{}; expected equal sizes "
      "above 0, or no labels or depth",
      image.width,
      image.height,
      sample.labels.width,
      sample.labels.height,
      sample.depth.width,
      sample.depth.height);
}

Size scaled_size(const Image& image, double scale) {
  const auto side = [scale](std::int64_t length) {
    return std::max<std::int64_t>(1, std::llround(static_cast<double>(length) * scale));
  };
  return {side(image.width), side(image.height)};
}

double shorter_side_of(const Image& image) {
  return static_cast<double>(std::min(image.width, image.height));
}

// A crop anywhere within the picture; where the picture is the smaller, the picture anywhere within
// the crop.
std::int64_t random_start(std::int64_t scaled, std::int64_t crop, core::Rng& rng) {
  const std::int64_t slack = scaled - crop;
  return slack >= 0 ? rng.below(slack + 1) : -rng.below(1 - slack);
}

AxisWindow whole_axis(std::int64_t source, std::int64_t scaled) {
  return {.source = source, .scaled = scaled, .length = scaled};
}

AxisWindow central_axis(std::int64_t source, std::int64_t scaled, std::int64_t crop) {
  const std::int64_t length = crop > 0 ? std::min(scaled, crop) : scaled;
  return {.source = source, .scaled = scaled, .start = (scaled - length) / 2, .length = length};
}

void require_size(std::int64_t width, std::int64_t height) {
  core::require(
      width > 0 && height > 0, "cannot resize to {}x{}: sides must be above 0", width, height);
}

}  // namespace

void AugmentOptions::visit(core::FieldVisitor& v) {
  v.field("crop", crop, {"side of the square training crop, pixels", 1, 8192});
  v.field("shorter_side",
          shorter_side,
          {"scaling enlarges pictures until their shorter side has this many pixels; 0: never",
           0,
           8192});
  v.field("scale_min", scale_min, {"smallest random scale; 1 keeps the size", 0.05, 20});
  v.field("scale_max", scale_max, {"largest random scale; at least scale_min", 0.05, 20});
  v.field("mirror",
          mirror,
          {"probability of a horizontal flip, which swaps left and right classes; 0: never", 0, 1});
  v.field(
      "colour",
      colour,
      {"brightness, contrast and saturation change at random by up to this share; 0: never", 0, 1});
}

Crop random_crop(const Sample& sample, const AugmentOptions& options, core::Rng& rng) {
  require_sound(sample);
  core::require(options.crop > 0, "augment needs a crop above 0, got {}", options.crop);
  if (!(options.scale_min > 0 && options.scale_min <= options.scale_max)) {
    core::throw_user_error(
        "augmentation: scale_min {} and scale_max {} must be above 0 and in this order",
        options.scale_min,
        options.scale_max);
  }
  const double wanted = static_cast<double>(options.shorter_side) / shorter_side_of(sample.image);
  const double scale = std::max(rng.uniform(options.scale_min, options.scale_max), wanted);
  const Size scaled = scaled_size(sample.image, scale);
  Crop crop{.scaled_width = scaled.width, .scaled_height = scaled.height, .side = options.crop};
  crop.mirrored = rng.chance(options.mirror);
  crop.x = random_start(scaled.width, options.crop, rng);
  crop.y = random_start(scaled.height, options.crop, rng);
  return crop;
}

Sample augment(const Sample& sample, const AugmentOptions& options, core::Rng rng) {
  const Crop crop = random_crop(sample, options, rng);
  const AxisWindow across = {.source = sample.image.width,
                             .scaled = crop.scaled_width,
                             .start = crop.x,
                             .length = crop.side,
                             .mirrored = crop.mirrored};
  const AxisWindow down = {.source = sample.image.height,
                           .scaled = crop.scaled_height,
                           .start = crop.y,
                           .length = crop.side};
  Sample window = window_of(sample, across, down);
  if (options.colour > 0) change_colours(window.image, across, down, options.colour, rng);
  return window;
}

Sample central_view(const Sample& sample, std::int64_t shorter_side, std::int64_t crop) {
  require_sound(sample);
  const double wanted = static_cast<double>(shorter_side) / shorter_side_of(sample.image);
  const Size scaled = scaled_size(sample.image, std::max(1.0, wanted));
  return window_of(sample,
                   central_axis(sample.image.width, scaled.width, crop),
                   central_axis(sample.image.height, scaled.height, crop));
}

Placement placed(std::int64_t picture_width,
                 std::int64_t picture_height,
                 std::int64_t frame_width,
                 std::int64_t frame_height) {
  require_size(picture_width, picture_height);
  require_size(frame_width, frame_height);
  // Which side fills the frame, in integers: a picture of the frame's shape fills both.
  const bool wide = picture_width * frame_height >= picture_height * frame_width;
  const auto scaled = [](std::int64_t side, std::int64_t of, std::int64_t to) {
    return std::max<std::int64_t>(1, (2 * side * to + of) / (2 * of));  // rounded
  };
  Placement place;
  place.width = wide ? frame_width : scaled(picture_width, picture_height, frame_height);
  place.height = wide ? scaled(picture_height, picture_width, frame_width) : frame_height;
  place.left = (frame_width - place.width) / 2;
  place.top = (frame_height - place.height) / 2;
  return place;
}

Sample fitted(const Sample& sample, std::int64_t frame_width, std::int64_t frame_height) {
  require_sound(sample);
  const Placement place =
      placed(sample.image.width, sample.image.height, frame_width, frame_height);
  const AxisWindow across = {.source = sample.image.width,
                             .scaled = place.width,
                             .start = -place.left,
                             .length = frame_width};
  const AxisWindow down = {.source = sample.image.height,
                           .scaled = place.height,
                           .start = -place.top,
                           .length = frame_height};
  Sample window = window_of(sample, across, down);
  if (sample.depth.width > 0) window.depth = nearest_window(sample.depth, across, down);
  return window;
}

Image resize_bicubic(const Image& image, std::int64_t width, std::int64_t height) {
  require_size(width, height);
  require_size(image.width, image.height);
  return bicubic_window(image, whole_axis(image.width, width), whole_axis(image.height, height));
}

LabelMap resize_nearest(const LabelMap& labels, std::int64_t width, std::int64_t height) {
  require_size(width, height);
  require_size(labels.width, labels.height);
  return nearest_window(labels, whole_axis(labels.width, width), whole_axis(labels.height, height));
}

DepthMap resize_nearest(const DepthMap& depth, std::int64_t width, std::int64_t height) {
  require_size(width, height);
  require_size(depth.width, depth.height);
  return nearest_window(depth, whole_axis(depth.width, width), whole_axis(depth.height, height));
}

}  // namespace parsimony::data
