// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/paint.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "parsimony/core/error.h"

namespace parsimony::data {
namespace {

auto plain(Color color) {
  return [color](Point, Color) { return color; };
}

double area_of(const Path& path) {
  Canvas canvas(200, 200);
  canvas.fill(path, 1, plain({1, 1, 1}));
  double covered = 0;
  for (const Color& color : canvas.colors()) covered += static_cast<double>(color.r);
  return covered / (200 * 200);
}

TEST(PathTest, ShapesHaveTheirAreas) {
  EXPECT_NEAR(area_of(Path::polygon({{-0.3F, -0.2F}, {0.3F, -0.2F}, {0.3F, 0.2F}, {-0.3F, 0.2F}})),
              0.24,
              1e-3);
  EXPECT_NEAR(area_of(Path::ellipse({0.05F, 0}, 0.3F, 0.2F, 0.7F)), std::numbers::pi * 0.06, 2e-3);
  EXPECT_NEAR(area_of(Path::stroke({{-0.3F, 0}, {0, 0}, {0.3F, 0}}, 0.1F, 0.1F, 0.1F)),
              0.06 + std::numbers::pi * 0.0025,
              1e-3);
}

TEST(PathTest, OverlapsAreCoveredOnceWhateverTheDirection) {
  Path path = Path::polygon({{-0.3F, -0.1F}, {0.1F, -0.1F}, {0.1F, 0.1F}, {-0.3F, 0.1F}});
  path.add(Path::polygon({{-0.1F, 0.1F}, {0.3F, 0.1F}, {0.3F, -0.1F}, {-0.1F, -0.1F}}));
  EXPECT_NEAR(area_of(path), 0.12, 1e-3);
}

TEST(PathTest, CurvesPassThroughTheirPoints) {
  const std::vector<Point> points{{0, 0}, {0.2F, 0.1F}, {0.3F, 0.4F}};
  const std::vector<Point> curve = smooth_curve(points, 4);
  ASSERT_EQ(curve.size(), 9U);
  for (std::size_t i = 0; i < points.size(); ++i) {
    EXPECT_FLOAT_EQ(curve[4 * i].x, points[i].x);
    EXPECT_FLOAT_EQ(curve[4 * i].y, points[i].y);
  }
}

TEST(CanvasTest, LabelIsThePartAtThePixelCentreAndColourTheCoverage) {
  Canvas canvas(9, 9);
  // The edge lies at 2/3 of pixel column 4: its centre is covered, two of three sample columns too.
  const float edge = (4 + 2.0F / 3) / 9 - 0.5F;
  canvas.fill(
      Path::polygon({{-1, -1}, {edge, -1}, {edge, 1}, {-1, 1}}), 3, plain({0.9F, 0.6F, 0.3F}));
  const LabelMap labels = canvas.labels();
  const std::vector<Color> colors = canvas.colors();
  for (std::int64_t y = 0; y < 9; ++y) {
    for (std::int64_t x = 0; x < 9; ++x) {
      EXPECT_EQ(labels.at(x, y), x <= 4 ? 3 : 0);
      const float covered = x < 4 ? 1.0F : x == 4 ? 2.0F / 3 : 0.0F;
      EXPECT_NEAR(colors[static_cast<std::size_t>(9 * y + x)].g, 0.6F * covered, 1e-5);
    }
  }
}

TEST(CanvasTest, PaintsOnlyOverTheGivenParts) {
  Canvas canvas(8, 8);
  const Path all = Path::polygon({{-1, -1}, {1, -1}, {1, 1}, {-1, 1}});
  canvas.fill(Path::polygon({{-1, -1}, {0, -1}, {0, 1}, {-1, 1}}), 2, plain({1, 0, 0}));
  canvas.fill(all, 5, plain({0, 1, 0}), 1U << 2);
  canvas.fill(all, {}, [](Point, Color below) { return below + Color{0, 0, 1}; });
  const LabelMap labels = canvas.labels();
  EXPECT_EQ(labels.at(1, 1), 5);
  EXPECT_EQ(labels.at(6, 1), 0);
  EXPECT_EQ(canvas.colors()[9].g, 1);
  EXPECT_EQ(canvas.colors()[14].g, 0);
  EXPECT_EQ(canvas.colors()[14].b, 1);
}

TEST(CanvasTest, ShapesBeyondTheBorderAreCut) {
  Canvas canvas(5, 11);
  canvas.fill(Path::ellipse({3, 3}, 0.5F, 0.5F), 1, plain({1, 1, 1}));
  canvas.fill(Path::ellipse({-30, 0}, 5, 500), 1, plain({1, 1, 1}));
  for (const std::uint8_t id : canvas.labels().ids) EXPECT_EQ(id, 0);
  canvas.fill(Path::ellipse({0, 0}, 1e4F, 1e4F), 1, plain({1, 1, 1}));
  for (const std::uint8_t id : canvas.labels().ids) EXPECT_EQ(id, 1);
}

TEST(CanvasTest, DefocusKeepsPartsAndFlatAreas) {
  Canvas canvas(20, 12);
  canvas.fill_all(4, plain({0.25F, 0.5F, 0.75F}));
  canvas.defocus(3);
  for (const Color& color : canvas.colors()) {
    EXPECT_NEAR(color.r, 0.25F, 1e-5);
    EXPECT_NEAR(color.b, 0.75F, 1e-5);
  }
  for (const std::uint8_t id : canvas.labels().ids) EXPECT_EQ(id, 4);
}

TEST(CanvasTest, RefusesEmptyPictures) {
  EXPECT_THROW(Canvas(0, 5), core::Error);
}

TEST(NoiseTest, IsPeriodicBoundedAndVaried) {
  const Noise noise(core::Rng(3));
  double sum = 0, squares = 0;
  for (int i = 0; i < 2000; ++i) {
    const float x = 0.013F * static_cast<float>(i), y = -0.007F * static_cast<float>(i);
    const float value = noise.at(x, y);
    EXPECT_LT(std::abs(value), 2);
    EXPECT_NEAR(value, noise.at(x + 2, y - 1), 1e-3);
    sum += static_cast<double>(value), squares += static_cast<double>(value * value);
  }
  EXPECT_LT(std::abs(sum / 2000), 0.3);
  EXPECT_GT(squares / 2000, 0.02);
}

}  // namespace
}  // namespace parsimony::data
