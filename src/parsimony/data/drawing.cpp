// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/drawing.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "parsimony/core/error.h"
#include "parsimony/data/skeleton.h"

namespace parsimony::data {
namespace {

constexpr Rgb kBeyondPalette = {255, 255, 255};

constexpr Rgb kLeft = {230, 159, 0};    // Okabe & Ito's orange
constexpr Rgb kRight = {86, 180, 233};  // and sky blue: unlike their blue, as bright as the orange
constexpr Rgb kMiddle = {255, 255, 255};
constexpr Rgb kOutline = {24, 24, 24};

void blend(std::uint8_t* pixel, Rgb colour, double share) {
  const std::uint8_t channels[] = {colour.r, colour.g, colour.b};
  for (std::size_t c = 0; c < 3; ++c)
    pixel[c] = static_cast<std::uint8_t>(share * channels[c] + (1 - share) * pixel[c] + 0.5);
}

// In pixels; double, so that squares of far-off coordinates stay finite.
struct Position {
  double x = 0, y = 0;
};

Position position_of(const Joint& joint) {
  return {joint.x, joint.y};
}

double distance(Position a, Position b) {
  return std::sqrt((a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y));
}

double distance_to_line(Position p, Position from, Position to) {
  const double x = to.x - from.x, y = to.y - from.y;
  const double square = x * x + y * y;
  const double along =
      square > 0 ? std::clamp(((p.x - from.x) * x + (p.y - from.y) * y) / square, 0.0, 1.0) : 0;
  return distance(p, {from.x + along * x, from.y + along * y});
}

// Paints where outside_by(Position), the signed distance in pixels to a shape's edge, is negative;
// pixels on the edge are covered in part. `from` and `to` are corners of what holds the shape once
// it is grown by `margin`.
template <typename Distance>
void fill(Image& image,
          Position from,
          Position to,
          double margin,
          Rgb colour,
          const Distance& outside_by) {
  const auto within = [](double value, std::int64_t size) {
    return static_cast<std::int64_t>(std::clamp(value, 0.0, static_cast<double>(size)));
  };
  const auto [left, right] = std::minmax(from.x, to.x);
  const auto [top, bottom] = std::minmax(from.y, to.y);
  const std::int64_t begin = within(left - margin, image.width);
  const std::int64_t end = within(right + margin + 2, image.width);
  const std::int64_t last = within(bottom + margin + 2, image.height);
  for (std::int64_t y = within(top - margin, image.height); y < last; ++y) {
    for (std::int64_t x = begin; x < end; ++x) {
      const double share = 0.5 - outside_by({static_cast<double>(x), static_cast<double>(y)});
      if (share > 0) blend(image.at(x, y), colour, std::min(share, 1.0));
    }
  }
}

// Draws one person with lines that fit the picture.
class Pen {
 public:
  explicit Pen(Image& image) : image_(image) {
    const auto side = static_cast<double>(std::min(image.width, image.height));
    bone_ = std::max(0.9, 0.0055 * side);
    joint_ = std::max(2.1, 0.012 * side);
    ring_ = 1.3 * joint_;
    outline_ = std::max(0.9, 0.0025 * side);
  }

  void draw_bone(const Joint& first, const Joint& second, Rgb colour) {
    const Position from = position_of(first), to = position_of(second);
    const auto outside_by = [&](Position p, double radius) {
      double outside = distance_to_line(p, from, to) - radius;
      // Through a ring the picture is seen, not the bones that end there.
      for (const Joint* end : {&first, &second}) {
        if (end->visibility == Visibility::kHidden)
          outside = std::max(outside, ring_ - distance(p, position_of(*end)));
      }
      return outside;
    };
    draw(from, to, bone_, colour, outside_by);
  }

  void draw_joint(const Joint& joint, Rgb colour) {
    const Position centre = position_of(joint);
    const bool hidden = joint.visibility == Visibility::kHidden;
    const double hole = hidden ? 0.65 * ring_ : -1;
    draw(centre, centre, hidden ? ring_ : joint_, colour, [&](Position p, double radius) {
      const double from_centre = distance(p, centre);
      return std::max(from_centre - radius, hole - from_centre);
    });
  }

 private:
  template <typename Distance>
  void draw(Position from, Position to, double radius, Rgb colour, const Distance& outside_by) {
    for (const auto& [grown, paint] : {std::pair(radius + outline_, kOutline), {radius, colour}}) {
      fill(image_, from, to, grown, paint, [&](Position p) { return outside_by(p, grown); });
    }
  }

  Image& image_;
  double bone_, joint_, ring_, outline_;  // radii, and what an outline adds to them; pixels
};

bool is_drawn(const Joint& joint) {
  return joint.visibility != Visibility::kAbsent && std::isfinite(joint.x) &&
         std::isfinite(joint.y);
}

std::vector<Rgb> joint_colours(const Skeleton& skeleton) {
  std::vector<Rgb> colours(skeleton.joints.size(), kMiddle);
  for (const auto& [left, right] : joint_pairs_of(skeleton.joints)) {
    colours[static_cast<std::size_t>(left)] = kLeft;
    colours[static_cast<std::size_t>(right)] = kRight;
  }
  return colours;
}

// Neck to shoulder belongs to the shoulder's side, hip to hip to neither.
Rgb bone_colour(Rgb first, Rgb second) {
  if (first == kMiddle) return second;
  return second == kMiddle || first == second ? first : kMiddle;
}

}  // namespace

Image painted(const LabelMap& labels,
              const Image& picture,
              const std::vector<Rgb>& palette,
              double opacity) {
  core::require(labels.width == picture.width && labels.height == picture.height,
                "a class map of {}x{} does not fit a picture of {}x{}",
                labels.width,
                labels.height,
                picture.width,
                picture.height);
  Image image = picture;
  for (std::size_t i = 0; i < labels.ids.size(); ++i) {
    const std::uint8_t id = labels.ids[i];
    blend(&image.pixels[3 * i], id < palette.size() ? palette[id] : kBeyondPalette, opacity);
  }
  return image;
}

Image with_pose(const Image& picture, const Pose& pose, const Skeleton& skeleton) {
  const std::vector<Joint>& joints = pose.joints;
  core::require(joints.empty() || joints.size() == skeleton.joints.size(),
                "a pose of {} joints does not fit a skeleton of {}",
                joints.size(),
                skeleton.joints.size());
  Image image = picture;
  if (joints.empty()) return image;
  const std::vector<Rgb> colours = joint_colours(skeleton);
  Pen pen(image);
  for (const auto& [first, second] : skeleton.bones) {
    const auto a = static_cast<std::size_t>(first), b = static_cast<std::size_t>(second);
    if (is_drawn(joints.at(a)) && is_drawn(joints.at(b)))
      pen.draw_bone(joints[a], joints[b], bone_colour(colours[a], colours[b]));
  }
  for (std::size_t i = 0; i < joints.size(); ++i) {
    if (is_drawn(joints[i])) pen.draw_joint(joints[i], colours[i]);
  }
  return image;
}

}  // namespace parsimony::data
