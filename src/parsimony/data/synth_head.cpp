// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "parsimony/data/synth_layers.h"

namespace parsimony::data {
namespace {

constexpr float kHalfWidth = 0.76F;  // of the ellipsoid that stands for the front of the head
constexpr float kHalfHeight = 1.12F;
constexpr float kHalfDepth = 0.75F;

}  // namespace

Head::Head(const HeadPose& pose, float width)
    : pose_(pose),
      width_(width),
      sin_yaw_(std::sin(pose.yaw)),
      cos_yaw_(std::cos(pose.yaw)),
      sin_pitch_(std::sin(pose.pitch)),
      cos_pitch_(std::cos(pose.pitch)),
      sin_roll_(std::sin(pose.roll)),
      cos_roll_(std::cos(pose.roll)) {}

Point Head::project(float u, float v, float z) const {
  const float x = u * width_ * cos_yaw_ + z * sin_yaw_;
  const float depth = z * cos_yaw_ - u * width_ * sin_yaw_;
  const float y = v * cos_pitch_ + depth * sin_pitch_;
  return pose_.centre + rotated(Point{x, y} * pose_.size, pose_.roll);
}

Point Head::on_face(float u, float v, float lift) const {
  const float a = u / kHalfWidth, b = v / kHalfHeight;
  return project(u, v, kHalfDepth * std::sqrt(std::max(0.04F, 1 - a * a - b * b)) + lift);
}

Point Head::rim(float u, float v, float z) const {
  const Point p{u * width_ + z * sin_yaw_, v + z * sin_pitch_};
  return pose_.centre + rotated(p * pose_.size, pose_.roll);
}

Point Head::body(float u, float v) const {
  return pose_.centre + Point{u, v} * pose_.size;
}

float Head::lambert(Point local, const Light& light) const {
  const float x = local.x / 0.92F, y = local.y / 1.25F;
  const float z = std::sqrt(std::max(0.02F, 1 - x * x - y * y));
  return std::clamp(x * light.x + y * light.y + z * light.z, 0.0F, 1.0F);
}

}  // namespace parsimony::data
