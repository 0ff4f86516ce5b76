// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/paint.h"

#include <numbers>
#include <utility>

#include "parsimony/core/error.h"

namespace parsimony::data {
namespace {

Point catmull_rom(Point a, Point b, Point c, Point d, float t) {
  const float t2 = t * t, t3 = t2 * t;
  return a * (-0.5F * t3 + t2 - 0.5F * t) + b * (1.5F * t3 - 2.5F * t2 + 1) +
         c * (-1.5F * t3 + 2 * t2 + 0.5F * t) + d * (0.5F * t3 - 0.5F * t2);
}

double signed_area(const std::vector<Point>& points) {
  double area = 0;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const Point a = points[i], b = points[(i + 1) % points.size()];
    area += static_cast<double>(a.x) * b.y - static_cast<double>(b.x) * a.y;
  }
  return area;
}

struct Crossing {
  int row;
  float x;
  int direction;
};

}  // namespace

Point rotated(Point p, float radians) {
  const float c = std::cos(radians), s = std::sin(radians);
  return {c * p.x - s * p.y, s * p.x + c * p.y};
}

std::vector<Point> smooth_curve(const std::vector<Point>& points, int steps) {
  std::vector<Point> curve;
  const std::size_t last = points.size() - 1;
  for (std::size_t i = 0; i < last; ++i) {
    const Point before = points[i == 0 ? 0 : i - 1], after = points[std::min(i + 2, last)];
    for (int k = 0; k < steps; ++k) {
      const float t = static_cast<float>(k) / static_cast<float>(steps);
      curve.push_back(catmull_rom(before, points[i], points[i + 1], after, t));
    }
  }
  curve.push_back(points.back());
  return curve;
}

void Path::add_contour(std::vector<Point> points) {
  if (signed_area(points) < 0) std::reverse(points.begin(), points.end());
  contours_.push_back(std::move(points));
}

Path Path::polygon(std::vector<Point> points) {
  Path path;
  path.add_contour(std::move(points));
  return path;
}

Path Path::ellipse(Point centre, float radius_x, float radius_y, float angle) {
  constexpr int kCorners = 28;
  std::vector<Point> points;
  for (int i = 0; i < kCorners; ++i) {
    const float t = 2 * std::numbers::pi_v<float> * static_cast<float>(i) / kCorners;
    points.push_back(centre + rotated({radius_x * std::cos(t), radius_y * std::sin(t)}, angle));
  }
  return polygon(std::move(points));
}

Path Path::blob(const std::vector<Point>& points) {
  constexpr int kSteps = 5;
  std::vector<Point> curve;
  const std::size_t n = points.size();
  for (std::size_t i = 0; i < n; ++i) {
    for (int k = 0; k < kSteps; ++k) {
      curve.push_back(catmull_rom(points[(i + n - 1) % n],
                                  points[i],
                                  points[(i + 1) % n],
                                  points[(i + 2) % n],
                                  static_cast<float>(k) / kSteps));
    }
  }
  return polygon(std::move(curve));
}

Path Path::stroke(const std::vector<Point>& points, float begin, float middle, float end) {
  const std::vector<Point> spine = smooth_curve(points, 5);
  std::vector<Point> left, right;
  for (std::size_t i = 0; i < spine.size(); ++i) {
    const Point along = spine[std::min(i + 1, spine.size() - 1)] - spine[i == 0 ? 0 : i - 1];
    const float length = std::max(1e-9F, std::hypot(along.x, along.y));
    const float t = static_cast<float>(i) / static_cast<float>(spine.size() - 1);
    const float width =
        t < 0.5F ? std::lerp(begin, middle, 2 * t) : std::lerp(middle, end, 2 * t - 1);
    const Point side = Point{-along.y, along.x} * (0.5F * width / length);
    left.push_back(spine[i] + side);
    right.push_back(spine[i] - side);
  }
  left.insert(left.end(), right.rbegin(), right.rend());
  Path path = polygon(std::move(left));
  path.add(ellipse(spine.front(), begin / 2, begin / 2));
  return path.add(ellipse(spine.back(), end / 2, end / 2));
}

Path& Path::add(const Path& other) {
  contours_.insert(contours_.end(), other.contours_.begin(), other.contours_.end());
  return *this;
}

Noise::Noise(core::Rng rng) : values_(static_cast<std::size_t>(kSide) * kSide, 0.0F) {
  float amplitude = 0.55F;
  for (int cells = 4; cells <= kSide; cells *= 2, amplitude *= 0.72F) {
    std::vector<float> lattice(static_cast<std::size_t>(cells) * static_cast<std::size_t>(cells));
    for (float& value : lattice) value = static_cast<float>(rng.uniform(-1, 1));
    const int cell = kSide / cells;
    const auto at = [&](int x, int y) {
      return lattice[static_cast<std::size_t>((y & (cells - 1)) * cells + (x & (cells - 1)))];
    };
    for (int y = 0; y < kSide; ++y) {
      for (int x = 0; x < kSide; ++x) {
        const float fx = static_cast<float>(x % cell) / static_cast<float>(cell);
        const float fy = static_cast<float>(y % cell) / static_cast<float>(cell);
        const int cx = x / cell, cy = y / cell;
        const float top = at(cx, cy) * (1 - fx) + at(cx + 1, cy) * fx;
        const float bottom = at(cx, cy + 1) * (1 - fx) + at(cx + 1, cy + 1) * fx;
        values_[static_cast<std::size_t>(y * kSide + x)] +=
            amplitude * (top * (1 - fy) + bottom * fy);
      }
    }
  }
}

Canvas::Canvas(std::int64_t width, std::int64_t height, double zoom)
    : width_(width),
      height_(height),
      columns_(static_cast<int>(width) * kSamples),
      rows_(static_cast<int>(height) * kSamples),
      scale_(static_cast<float>(zoom * static_cast<double>(std::min(width, height) * kSamples))) {
  core::require(width > 0 && height > 0, "cannot paint a picture of {}x{}", width, height);
  colors_.resize(static_cast<std::size_t>(columns_) * static_cast<std::size_t>(rows_));
  parts_.resize(colors_.size());
}

// Scan conversion with the non-zero winding rule; a sample belongs to the path if its centre does.
std::vector<Canvas::Span> Canvas::spans_of(const Path& path) const {
  std::vector<Crossing> crossings;
  for (const std::vector<Point>& contour : path.contours()) {
    for (std::size_t i = 0; i < contour.size(); ++i) {
      Point a = contour[i], b = contour[(i + 1) % contour.size()];
      a = (a + Point{right(), bottom()}) * scale_ - Point{0.5F, 0.5F};
      b = (b + Point{right(), bottom()}) * scale_ - Point{0.5F, 0.5F};
      const int direction = a.y < b.y ? 1 : -1;
      if (a.y > b.y) std::swap(a, b);
      const auto limit = static_cast<float>(rows_);
      const int begin = static_cast<int>(std::ceil(std::clamp(a.y, 0.0F, limit)));
      const int end = static_cast<int>(std::ceil(std::clamp(b.y, 0.0F, limit)));
      const float slope = begin < end ? (b.x - a.x) / (b.y - a.y) : 0;
      for (int row = begin; row < end; ++row) {
        crossings.push_back({row, a.x + (static_cast<float>(row) - a.y) * slope, direction});
      }
    }
  }
  std::sort(crossings.begin(), crossings.end(), [](const Crossing& p, const Crossing& q) {
    return p.row != q.row ? p.row < q.row : p.x < q.x;
  });

  const auto column_of = [this](float x) {
    return static_cast<int>(std::ceil(std::clamp(x, 0.0F, static_cast<float>(columns_))));
  };
  std::vector<Span> spans;
  int winding = 0, begin = 0;
  for (const Crossing& crossing : crossings) {
    const int column = column_of(crossing.x);
    if (winding == 0) begin = column;
    winding += crossing.direction;
    if (winding == 0 && begin < column) spans.push_back({crossing.row, begin, column});
  }
  return spans;
}

void Canvas::defocus(int radius) {
  std::vector<Color> blurred = colors();
  box_blur(blurred, width_, height_, radius);
  for (int row = 0; row < rows_; ++row) {
    for (int column = 0; column < columns_; ++column) {
      const std::int64_t pixel = row / kSamples * width_ + column / kSamples;
      colors_[static_cast<std::size_t>(row * columns_ + column)] =
          blurred[static_cast<std::size_t>(pixel)];
    }
  }
}

std::vector<Color> Canvas::colors() const {
  std::vector<Color> out(static_cast<std::size_t>(width_ * height_));
  for (int row = 0; row < rows_; ++row) {
    const std::size_t line = static_cast<std::size_t>(row / kSamples * width_);
    for (int column = 0; column < columns_; ++column) {
      Color& sum = out[line + static_cast<std::size_t>(column / kSamples)];
      sum = sum + colors_[static_cast<std::size_t>(row * columns_ + column)];
    }
  }
  for (Color& color : out) color = color * (1.0F / (kSamples * kSamples));
  return out;
}

LabelMap Canvas::labels() const {
  LabelMap out(width_, height_);
  constexpr std::int64_t kMiddle = kSamples / 2;
  for (std::int64_t y = 0; y < height_; ++y) {
    for (std::int64_t x = 0; x < width_; ++x) {
      const std::int64_t i = (y * kSamples + kMiddle) * columns_ + x * kSamples + kMiddle;
      out.at(x, y) = parts_[static_cast<std::size_t>(i)];
    }
  }
  return out;
}

void box_blur(std::vector<Color>& colors, std::int64_t width, std::int64_t height, int radius) {
  std::vector<Color> line;
  // Filters `length` colours that lie `step` apart; the border is repeated.
  const auto filter = [&](std::size_t start, std::int64_t length, std::size_t step) {
    line.resize(static_cast<std::size_t>(length));
    for (std::size_t i = 0; i < line.size(); ++i) line[i] = colors[start + i * step];
    const auto clamped = [&](std::int64_t i) {
      return line[static_cast<std::size_t>(std::clamp<std::int64_t>(i, 0, length - 1))];
    };
    Color sum;
    for (std::int64_t i = -radius; i <= radius; ++i) sum = sum + clamped(i);
    const float share = 1.0F / static_cast<float>(2 * radius + 1);
    for (std::int64_t i = 0; i < length; ++i) {
      colors[start + static_cast<std::size_t>(i) * step] = sum * share;
      sum = sum + clamped(i + radius + 1) + clamped(i - radius) * -1.0F;
    }
  };
  const auto columns = static_cast<std::size_t>(width);
  for (int pass = 0; pass < 2; ++pass) {
    for (std::size_t y = 0; y < static_cast<std::size_t>(height); ++y)
      filter(y * columns, width, 1);
    for (std::size_t x = 0; x < columns; ++x) filter(x, height, columns);
  }
}

}  // namespace parsimony::data
