// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "parsimony/core/error.h"
#include "parsimony/data/drawing.h"

namespace parsimony::data {
namespace {

// Far to near, at equal distances.
constexpr std::array<Rgb, 10> kDepthColours = {{{13, 8, 135},
                                                {72, 3, 158},
                                                {114, 1, 168},
                                                {156, 24, 158},
                                                {190, 55, 134},
                                                {216, 88, 106},
                                                {237, 121, 83},
                                                {251, 159, 58},
                                                {253, 202, 38},
                                                {240, 249, 33}}};
constexpr Rgb kInvalidColour = {128, 128, 128};
constexpr Rgb kPaper = {255, 255, 255};
constexpr Rgb kInk = {32, 32, 32};

// Type for the scale's numbers, 7 dots high; a row's leftmost dot is its bit of value
// 2^(width - 1).
constexpr int kGlyphHeight = 7;
struct Glyph {
  char letter;
  int width;
  std::array<std::uint8_t, kGlyphHeight> rows;
};
constexpr std::array<Glyph, 13> kGlyphs = {{
    {'0', 5, {0b01110, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b01110}},
    {'1', 5, {0b00100, 0b01100, 0b10100, 0b00100, 0b00100, 0b00100, 0b11111}},
    {'2', 5, {0b01110, 0b10001, 0b00001, 0b00110, 0b01000, 0b10000, 0b11111}},
    {'3', 5, {0b01110, 0b10001, 0b00001, 0b00110, 0b00001, 0b10001, 0b01110}},
    {'4', 5, {0b00010, 0b00110, 0b01010, 0b10010, 0b11111, 0b00010, 0b00010}},
    {'5', 5, {0b11111, 0b10000, 0b11110, 0b00001, 0b00001, 0b10001, 0b01110}},
    {'6', 5, {0b01110, 0b10000, 0b10000, 0b11110, 0b10001, 0b10001, 0b01110}},
    {'7', 5, {0b11111, 0b00001, 0b00010, 0b00010, 0b00100, 0b00100, 0b00100}},
    {'8', 5, {0b01110, 0b10001, 0b10001, 0b01110, 0b10001, 0b10001, 0b01110}},
    {'9', 5, {0b01110, 0b10001, 0b10001, 0b01111, 0b00001, 0b00001, 0b01110}},
    {'.', 1, {0, 0, 0, 0, 0, 0, 1}},
    {' ', 1, {}},
    {'m', 5, {0b00000, 0b00000, 0b11010, 0b10101, 0b10101, 0b10101, 0b10101}},
}};

const Glyph& glyph_of(char letter) {
  const auto glyph = std::ranges::find(kGlyphs, letter, &Glyph::letter);
  core::require(glyph != kGlyphs.end(), "there is no type for '{}'", letter);
  return *glyph;
}

// In dots: glyphs with one dot between.
std::int64_t width_of(std::string_view text) {
  std::int64_t width = -1;
  for (const char letter : text) width += glyph_of(letter).width + 1;
  return width;
}

// Whatever of the rectangle is inside the picture.
void fill_rectangle(Image& image,
                    std::int64_t left,
                    std::int64_t top,
                    std::int64_t width,
                    std::int64_t height,
                    Rgb colour) {
  for (std::int64_t y = std::max<std::int64_t>(top, 0); y < std::min(top + height, image.height);
       ++y) {
    for (std::int64_t x = std::max<std::int64_t>(left, 0); x < std::min(left + width, image.width);
         ++x) {
      std::ranges::copy(std::array{colour.r, colour.g, colour.b}, image.at(x, y));
    }
  }
}

void draw_text(
    Image& image, std::string_view text, std::int64_t left, std::int64_t top, std::int64_t dot) {
  for (const char letter : text) {
    const Glyph& glyph = glyph_of(letter);
    for (int row = 0; row < kGlyphHeight; ++row) {
      for (int column = 0; column < glyph.width; ++column) {
        if ((glyph.rows[static_cast<std::size_t>(row)] >> (glyph.width - 1 - column) & 1) == 0)
          continue;
        fill_rectangle(image, left + column * dot, top + row * dot, dot, dot, kInk);
      }
    }
    left += (glyph.width + 1) * dot;
  }
}

bool is_valid(float metres) {
  return std::isfinite(metres) && metres > 0;
}

Rgb depth_colour(double metres, const DepthRange& range) {
  const double nearness = (range.farthest - metres) / (range.farthest - range.nearest);
  const double place = std::clamp(nearness, 0.0, 1.0) * (kDepthColours.size() - 1);
  const std::size_t i = std::min(static_cast<std::size_t>(place), kDepthColours.size() - 2);
  const Rgb a = kDepthColours[i], b = kDepthColours[i + 1];
  const auto between = [t = place - static_cast<double>(i)](std::uint8_t from, std::uint8_t to) {
    return static_cast<std::uint8_t>(std::lround(std::lerp(static_cast<double>(from), to, t)));
  };
  return {between(a.r, b.r), between(a.g, b.g), between(a.b, b.b)};
}

void require_range(const DepthRange& range) {
  core::require(
      range.nearest >= 0 && range.nearest < range.farthest && std::isfinite(range.farthest),
      "{} to {} metres is not a range of depths",
      range.nearest,
      range.farthest);
}

// 1, 2 or 5 times a power of ten.
struct RoundStep {
  int digit = 1;
  int exponent = 0;

  double value() const { return digit * std::pow(10.0, exponent); }
  RoundStep next() const {
    if (digit == 5) return {1, exponent + 1};
    return {digit == 1 ? 2 : 5, exponent};
  }
};

RoundStep round_step_from(double least) {
  RoundStep step{1, static_cast<int>(std::floor(std::log10(least)))};
  while (step.value() < least) step = step.next();
  return step;
}

// Rounding errors, of floats too, do not cost a step.
constexpr double kStepTolerance = 1e-4;

struct Tick {
  std::int64_t position;  // column of the value
  std::int64_t left;      // of the text
  std::string text;
};

// Ticks at all multiples of the step; the last says the unit. Texts that would reach the
// sides of the picture are moved in.
std::vector<Tick> ticks_of(const DepthRange& range,
                           const RoundStep& step,
                           std::int64_t width,
                           std::int64_t dot) {
  const auto first =
      static_cast<std::int64_t>(std::ceil(range.nearest / step.value() - kStepTolerance));
  const auto last =
      static_cast<std::int64_t>(std::floor(range.farthest / step.value() + kStepTolerance));
  constexpr std::int64_t kMargin = 2;  // in dots
  std::vector<Tick> ticks;
  for (std::int64_t i = first; i <= last; ++i) {
    const double metres = static_cast<double>(i) * step.value();
    Tick tick;
    tick.position = std::llround((metres - range.nearest) / (range.farthest - range.nearest) *
                                 static_cast<double>(width - 1));
    tick.text =
        fmt::format("{:.{}f}{}", metres, std::max(0, -step.exponent), i == last ? " m" : "");
    const std::int64_t extent = dot * width_of(tick.text), most = width - dot * kMargin - extent;
    tick.left = std::min(std::max(tick.position - extent / 2, dot * kMargin), most);
    ticks.push_back(std::move(tick));
  }
  return ticks;
}

bool have_room(const std::vector<Tick>& ticks, std::int64_t dot) {
  constexpr std::int64_t kGap = 5;  // as wide as a digit, in dots
  for (std::size_t i = 1; i < ticks.size(); ++i) {
    if (ticks[i].left < ticks[i - 1].left + dot * (width_of(ticks[i - 1].text) + kGap))
      return false;
  }
  return true;
}

// Ticks of the finest step that have room; where only one would have, the outermost of a finer one.
std::vector<Tick> ticks_with_room(const DepthRange& range, std::int64_t width, std::int64_t dot) {
  constexpr double kMostTicks = 10;  // more is no easier to read
  const RoundStep finest = round_step_from((range.farthest - range.nearest) / kMostTicks);
  std::vector<Tick> ticks;
  for (const bool outermost : {false, true}) {
    RoundStep step = finest;
    do {
      ticks = ticks_of(range, step, width, dot);
      if (outermost && ticks.size() > 2) ticks.erase(ticks.begin() + 1, ticks.end() - 1);
      step = step.next();
    } while (!have_room(ticks, dot));
    if (ticks.size() > 1) break;
  }
  return ticks;
}

}  // namespace

DepthRange depth_range(std::initializer_list<const DepthMap*> maps) {
  double nearest = std::numeric_limits<double>::infinity(), farthest = 0;
  for (const DepthMap* map : maps) {
    for (const float metres : map->metres) {
      if (!is_valid(metres)) continue;
      nearest = std::min<double>(nearest, metres);
      farthest = std::max<double>(farthest, metres);
    }
  }
  if (farthest == 0) return {};
  // The second keeps differences that nobody sees from filling a scale.
  const double step = round_step_from(std::max((farthest - nearest) / 20, farthest / 50)).value();
  const double begin = std::floor(nearest / step + kStepTolerance);
  const double end = std::ceil(farthest / step - kStepTolerance);
  if (begin < end) return {begin * step, end * step};
  return {(begin - 1) * step, (begin + 1) * step};
}

Image depth_colours(const DepthMap& depth, const DepthRange& range) {
  require_range(range);
  Image image(depth.width, depth.height);
  for (std::size_t i = 0; i < depth.metres.size(); ++i) {
    const float metres = depth.metres[i];
    const Rgb colour = is_valid(metres) ? depth_colour(metres, range) : kInvalidColour;
    std::ranges::copy(std::array{colour.r, colour.g, colour.b}, &image.pixels[3 * i]);
  }
  return image;
}

Image with_depth_scale(const Image& colours, const DepthRange& range) {
  require_range(range);
  core::require(
      colours.width > 1, "a picture of {} columns is no place for a scale", colours.width);
  // Heights in dots, from the top: a gap, the ramp, ticks, a gap, text, a gap.
  constexpr std::int64_t kGap = 2, kRamp = 7, kTicks = 2;
  constexpr std::int64_t kHeight = kGap + kRamp + kTicks + kGap + kGlyphHeight + kGap;
  constexpr std::int64_t kPixelsPerDot = 240;  // of the shorter side
  const std::int64_t width = colours.width;
  const std::int64_t dot = std::max<std::int64_t>(
      1, (std::min(width, colours.height) + kPixelsPerDot / 2) / kPixelsPerDot);

  Image image(width, colours.height + dot * kHeight);
  std::ranges::copy(colours.pixels, image.pixels.begin());
  fill_rectangle(image, 0, colours.height, width, dot * kHeight, kPaper);
  const std::int64_t ramp = colours.height + dot * kGap;
  for (std::int64_t x = 0; x < width; ++x) {
    const double metres = std::lerp(
        range.nearest, range.farthest, static_cast<double>(x) / static_cast<double>(width - 1));
    fill_rectangle(image, x, ramp, 1, dot * kRamp, depth_colour(metres, range));
  }
  const std::int64_t below = ramp + dot * kRamp;
  for (const Tick& tick : ticks_with_room(range, width, dot)) {
    const std::int64_t left = std::clamp<std::int64_t>(tick.position - dot / 2, 0, width - dot);
    fill_rectangle(image, left, below, dot, dot * kTicks, kInk);
    draw_text(image, tick.text, tick.left, below + dot * (kTicks + kGap), dot);
  }
  return image;
}

}  // namespace parsimony::data
