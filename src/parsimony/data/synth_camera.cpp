// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/synth_camera.h"

#include <array>
#include <cmath>

namespace parsimony::data {
namespace {

float between(core::Rng& rng, double low, double high) {
  return static_cast<float>(rng.uniform(low, high));
}

// Blends every pixel with its eight neighbours; `amount` 0..1 goes up to a 1-2-1 filter.
void soften(std::vector<Color>& colors, std::int64_t width, std::int64_t height, float amount) {
  const auto filter = [amount](Color a, Color b, Color c) {
    return b * (1 - amount / 2) + (a + c) * (amount / 4);
  };
  const auto pass =
      [&](std::int64_t lines, std::int64_t length, std::int64_t line_step, std::int64_t step) {
        for (std::int64_t l = 0; l < lines; ++l) {
          const auto at = [&](std::int64_t i) -> Color& {
            return colors[static_cast<std::size_t>(l * line_step + i * step)];
          };
          Color before = at(0);
          for (std::int64_t i = 0; i < length; ++i) {
            const Color here = at(i);
            at(i) = filter(before, here, at(std::min(i + 1, length - 1)));
            before = here;
          }
        }
      };
  pass(height, width, width, 1);
  pass(width, height, 1, width);
}

// Two numbers of mean 0 and variance 1 that are close to normal, from one draw: a picture needs
// tens of thousands of them.
std::array<float, 2> rough_normals(core::Rng& rng) {
  const std::uint64_t bits = rng.next();
  const auto sum = [bits](int shift) {
    const std::uint64_t b = bits >> shift;
    return static_cast<float>((b & 255U) + (b >> 8 & 255U) + (b >> 16 & 255U) + (b >> 24 & 255U));
  };
  constexpr float kDeviation = 147.8F;  // of a sum of four uniform bytes; its mean is 510
  return {(sum(0) - 510) / kDeviation, (sum(32) - 510) / kDeviation};
}

std::uint8_t to_byte(float value) {
  return static_cast<std::uint8_t>(std::clamp(value, 0.0F, 1.0F) * 255 + 0.5F);
}

}  // namespace

Image photograph(const Canvas& canvas, core::Rng rng) {
  return photograph(canvas.colors(), canvas.width(), canvas.height(), rng);
}

Image photograph(std::vector<Color> colors,
                 std::int64_t width,
                 std::int64_t height,
                 core::Rng rng) {
  if (rng.chance(0.6)) soften(colors, width, height, between(rng, 0.1, 1));

  const float exposure = between(rng, 0.85, 1.3), contrast = between(rng, 0.8, 1.2);
  const Color cast =
      Color{between(rng, 0.9, 1.1), between(rng, 0.95, 1.05), between(rng, 0.88, 1.12)} * exposure;
  const float saturation = rng.chance(0.04) ? 0 : between(rng, 0.7, 1.15);
  const float vignette = rng.chance(0.4) ? between(rng, 0.05, 0.35) : 0;
  const float grain = rng.chance(0.7) ? between(rng, 0.003, 0.035) : 0;

  Image image(width, height);
  for (std::int64_t y = 0; y < height; ++y) {
    const float v = 2 * static_cast<float>(y) / static_cast<float>(height) - 1;
    for (std::int64_t x = 0; x < width; ++x) {
      const float u = 2 * static_cast<float>(x) / static_cast<float>(width) - 1;
      Color color = colors[static_cast<std::size_t>(y * width + x)] * cast *
                    (1 - vignette * 0.5F * (u * u + v * v));
      const float grey = 0.3F * color.r + 0.59F * color.g + 0.11F * color.b;
      color = mix({grey, grey, grey}, color, saturation) * contrast;
      const float offset = 0.45F * (1 - contrast);  // contrast turns about a middle grey
      const auto [n0, n1] = rough_normals(rng);
      const auto [n2, unused] = rough_normals(rng);
      std::uint8_t* to = image.at(x, y);
      to[0] = to_byte(color.r + offset + grain * n0);
      to[1] = to_byte(color.g + offset + grain * n1);
      to[2] = to_byte(color.b + offset + grain * n2);
    }
  }
  return image;
}

}  // namespace parsimony::data
