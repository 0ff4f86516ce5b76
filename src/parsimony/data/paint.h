// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "parsimony/core/rng.h"
#include "parsimony/data/image.h"

namespace parsimony::data {

struct Point {
  float x = 0, y = 0;
};
inline Point operator+(Point a, Point b) {
  return {a.x + b.x, a.y + b.y};
}
inline Point operator-(Point a, Point b) {
  return {a.x - b.x, a.y - b.y};
}
inline Point operator*(Point a, float s) {
  return {a.x * s, a.y * s};
}
Point rotated(Point p, float radians);

// A colour as displayed (not linear light), 0..1; shading may leave that range until the camera.
struct Color {
  float r = 0, g = 0, b = 0;
};
inline Color operator+(Color a, Color b) {
  return {a.r + b.r, a.g + b.g, a.b + b.b};
}
inline Color operator*(Color a, float s) {
  return {a.r * s, a.g * s, a.b * s};
}
inline Color operator*(Color a, Color b) {
  return {a.r * b.r, a.g * b.g, a.b * b.b};
}
inline Color mix(Color a, Color b, float t) {
  return a * (1 - t) + b * t;
}

// 0 at `low`, 1 at `high`, smooth between.
inline float smooth_step(float low, float high, float x) {
  const float t = std::clamp((x - low) / (high - low), 0.0F, 1.0F);
  return t * t * (3 - 2 * t);
}

// A filled region: the union of closed contours.
class Path {
 public:
  static Path polygon(std::vector<Point> points);
  static Path ellipse(Point centre, float radius_x, float radius_y, float angle = 0);
  // A closed Catmull-Rom curve through the points.
  static Path blob(const std::vector<Point>& points);
  // A thick line with round ends along a smooth curve through the points; the width goes from
  // `begin` over `middle` to `end`.
  static Path stroke(const std::vector<Point>& points, float begin, float middle, float end);

  Path& add(const Path& other);
  const std::vector<std::vector<Point>>& contours() const { return contours_; }

 private:
  void add_contour(std::vector<Point> points);  // all turned the same way: overlaps then add up
  std::vector<std::vector<Point>> contours_;
};

// Points on a smooth open curve through `points`.
std::vector<Point> smooth_curve(const std::vector<Point>& points, int steps);

// Tileable fractal noise in about [-1, 1] with period 1 in both directions. Making one costs less
// than a millisecond; looking up costs a few nanoseconds.
class Noise {
 public:
  explicit Noise(core::Rng rng);
  // Coordinates up to +-100.
  float at(float x, float y) const {
    constexpr float kShift = 100;  // whole periods: makes truncation round down
    x = (x + kShift) * kSide, y = (y + kShift) * kSide;
    const int left = static_cast<int>(x), top = static_cast<int>(y);
    const float fx = x - static_cast<float>(left), fy = y - static_cast<float>(top);
    const float above = value(left, top) * (1 - fx) + value(left + 1, top) * fx;
    const float below = value(left, top + 1) * (1 - fx) + value(left + 1, top + 1) * fx;
    return above * (1 - fy) + below * fy;
  }

 private:
  float value(int column, int row) const {
    return values_[static_cast<std::size_t>((row & (kSide - 1)) * kSide + (column & (kSide - 1)))];
  }

  static constexpr int kSide = 128;  // a power of two
  std::vector<float> values_;
};

// A picture under construction: colour and part of every sample, kSamples x kSamples samples a
// pixel. Shapes have hard edges per sample, so the finished picture is anti-aliased against exactly
// the labels, and the label of a pixel is the part at its centre.
//
// Scene coordinates: the origin is the centre of the picture, y points down, the shorter side is 1
// / zoom.
class Canvas {
 public:
  static constexpr int kSamples = 3;  // odd: the middle sample is the centre of the pixel
  static constexpr std::uint32_t kAnyPart = ~0U;

  Canvas(std::int64_t width, std::int64_t height, double zoom = 1);
  std::int64_t width() const { return width_; }
  std::int64_t height() const { return height_; }
  float pixel() const { return kSamples / scale_; }  // side of a pixel in scene units
  float right() const {
    return static_cast<float>(columns_) / (2 * scale_);
  }  // edge of the picture
  float bottom() const { return static_cast<float>(rows_) / (2 * scale_); }

  // Paints `path`: shader(Point, Color below) gives the colour of a sample; `part` is written
  // unless empty; samples whose part is not in the bit set `over` stay as they are.
  template <typename Shader>
  void fill(const Path& path,
            std::optional<std::uint8_t> part,
            Shader&& shader,
            std::uint32_t over = kAnyPart) {
    for (const Span& span : spans_of(path)) {
      fill_row(span.row, span.begin, span.end, part, shader, over);
    }
  }

  template <typename Shader>
  void fill_all(std::optional<std::uint8_t> part, Shader&& shader) {
    for (int row = 0; row < rows_; ++row) fill_row(row, 0, columns_, part, shader, kAnyPart);
  }

  // Blurs all that was painted so far, over about `radius` pixels; parts stay.
  void defocus(int radius);

  std::vector<Color> colors() const;  // one mean colour per pixel, [height, width]
  LabelMap labels() const;

 private:
  struct Span {
    int row, begin, end;  // samples
  };
  std::vector<Span> spans_of(const Path& path) const;
  Point point_at(int column, int row) const {
    return {(static_cast<float>(column) + 0.5F) / scale_ - right(),
            (static_cast<float>(row) + 0.5F) / scale_ - bottom()};
  }

  template <typename Shader>
  void fill_row(int row,
                int begin,
                int end,
                std::optional<std::uint8_t> part,
                Shader& shader,
                std::uint32_t over) {
    const std::size_t line = static_cast<std::size_t>(row) * static_cast<std::size_t>(columns_);
    for (int column = begin; column < end; ++column) {
      const std::size_t i = line + static_cast<std::size_t>(column);
      if ((over >> parts_[i] & 1U) == 0) continue;
      colors_[i] = shader(point_at(column, row), colors_[i]);
      if (part) parts_[i] = *part;
    }
  }

  std::int64_t width_, height_;
  int columns_, rows_;  // in samples
  float scale_;         // samples per scene unit
  std::vector<Color> colors_;
  std::vector<std::uint8_t> parts_;
};

// Two passes of a box filter of 2 * radius + 1 pixels over [height, width] colours.
void box_blur(std::vector<Color>& colors, std::int64_t width, std::int64_t height, int radius);

}  // namespace parsimony::data
