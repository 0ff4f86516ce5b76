// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cmath>

#include "parsimony/data/synth_layers.h"

// Backgrounds are clutter on purpose: objects coloured like skin, hair and clothes keep a network
// from telling parts by colour.

namespace parsimony::data {
namespace {

float between(core::Rng& rng, double low, double high) {
  return static_cast<float>(rng.uniform(low, high));
}

Color clutter_colour(core::Rng& rng) {
  const double kind = rng.uniform();
  if (kind < 0.25) return draw_skin(rng);
  if (kind < 0.45) return draw_hair_colour(rng);
  return draw_colour(rng);
}

Point anywhere(const Canvas& canvas, core::Rng& rng) {
  return {canvas.right() * between(rng, -1, 1), canvas.bottom() * between(rng, -1, 1)};
}

void paint_gradient(Canvas& canvas, core::Rng& rng) {
  const Color first = clutter_colour(rng);
  const Color second = rng.chance(0.5) ? first * between(rng, 0.4, 0.9) : clutter_colour(rng);
  const Point along = rotated({1, 0}, between(rng, 0, 6.3));
  canvas.fill_all(id_of(Part::kBackground), [&](Point p, Color) {
    return mix(first, second, smooth_step(-0.6F, 0.6F, p.x * along.x + p.y * along.y));
  });
}

void paint_spot(Canvas& canvas, core::Rng& rng) {
  const Color colour = clutter_colour(rng);
  const Point centre = anywhere(canvas, rng) * 0.6F;
  const float edge = between(rng, 0.3, 0.8);
  canvas.fill_all(id_of(Part::kBackground), [&](Point p, Color) {
    return colour *
           (0.45F +
            0.75F * (1 - smooth_step(0, edge + 0.4F, std::hypot(p.x - centre.x, p.y - centre.y))));
  });
}

void paint_texture(Canvas& canvas, const Noise& noise, core::Rng& rng) {
  const Color first = clutter_colour(rng), second = clutter_colour(rng);
  const float scale_x = between(rng, 0.15, 1.2),
              scale_y = rng.chance(0.5) ? scale_x : between(rng, 0.1, 1.2);
  const float gain = between(rng, 0.4, 1.6);
  canvas.fill_all(id_of(Part::kBackground), [&](Point p, Color) {
    return mix(first,
               second,
               std::clamp(0.5F + gain * noise.at(p.x * scale_x, p.y * scale_y), 0.0F, 1.0F));
  });
}

void paint_stripes(Canvas& canvas, core::Rng& rng) {
  const Color first = clutter_colour(rng);
  const Color second = rng.chance(0.6) ? first * between(rng, 0.6, 0.9) : clutter_colour(rng);
  const float period = between(rng, 0.08, 0.4), duty = between(rng, 0.1, 0.6);
  const Point along = rotated({1, 0}, rng.chance(0.6) ? 0 : between(rng, 0, 3.2));
  canvas.fill_all(id_of(Part::kBackground), [&](Point p, Color) {
    const float t = (p.x * along.x + p.y * along.y) / period;
    return t - std::floor(t) < duty ? second : first;
  });
}

void paint_shelf(Canvas& canvas, core::Rng& rng) {
  const Color wall = clutter_colour(rng) * 0.5F;
  canvas.fill_all(id_of(Part::kBackground), [&](Point, Color) { return wall; });
  const float row_height = between(rng, 0.2, 0.4);
  for (float top = -canvas.bottom(); top < canvas.bottom(); top += row_height) {
    for (float left = -canvas.right(); left < canvas.right();) {
      const float width = between(rng, 0.02, 0.08), height = row_height * between(rng, 0.55, 0.92);
      const Color colour = clutter_colour(rng);
      const float bottom = top + row_height * 0.95F;
      const Path book = Path::polygon({{left, bottom - height},
                                       {left + width, bottom - height},
                                       {left + width, bottom},
                                       {left, bottom}});
      canvas.fill(book, id_of(Part::kBackground), [&](Point p, Color) {
        return colour * (1.05F - 0.4F * std::abs((p.x - left) / width - 0.4F));
      });
      left += width * between(rng, 1.0, 1.15);
    }
  }
}

void paint_leaves(Canvas& canvas, core::Rng& rng) {
  const Color dark = Color{0.1F, 0.18F, 0.08F} * between(rng, 0.6, 1.4);
  canvas.fill_all(id_of(Part::kBackground), [&](Point, Color) { return dark; });
  const Color leaf{between(rng, 0.2, 0.7), between(rng, 0.4, 0.7), between(rng, 0.08, 0.3)};
  for (int i = 0; i < 70; ++i) {
    const Color colour = leaf * between(rng, 0.35, 1.3);
    const float size = between(rng, 0.02, 0.08);
    canvas.fill(Path::ellipse(anywhere(canvas, rng), size, size * 0.5F, between(rng, 0, 3)),
                id_of(Part::kBackground),
                [&](Point, Color) { return colour; });
  }
}

Path random_shape(Point centre, core::Rng& rng) {
  const float size = between(rng, 0.04, 0.22);
  switch (rng.below(4)) {
    case 0:
      return Path::ellipse(centre, size, size * between(rng, 0.4, 1.3), between(rng, 0, 3));
    case 1: {
      const float w = size, h = size * between(rng, 0.5, 3),
                  angle = rng.chance(0.7) ? 0 : between(rng, 0, 3);
      std::vector<Point> corners{{-w, -h}, {w, -h}, {w, h}, {-w, h}};
      for (Point& corner : corners) corner = centre + rotated(corner, angle);
      return Path::polygon(std::move(corners));
    }
    case 2: {
      std::vector<Point> points;
      for (int i = 0; i < 7; ++i)
        points.push_back(centre +
                         rotated({size * between(rng, 0.6, 1.3), 0}, 0.9F * static_cast<float>(i)));
      return Path::blob(points);
    }
    default: {
      const Point along = rotated({between(rng, 0.2, 0.6), 0}, between(rng, 0, 6.3));
      const float width = between(rng, 0.01, 0.08);
      return Path::stroke(
          {centre - along, centre + rotated({0.1F, 0}, between(rng, 0, 6.3)), centre + along},
          width,
          width,
          width * between(rng, 0.3, 1));
    }
  }
}

void paint_clutter(Canvas& canvas, const Noise& noise, core::Rng& rng) {
  const std::int64_t count = rng.chance(0.3) ? 0 : 1 + rng.below(9);
  for (std::int64_t i = 0; i < count; ++i) {
    const Color colour = clutter_colour(rng);
    const Point centre = anywhere(canvas, rng);
    const float grain = rng.chance(0.4) ? between(rng, 0.1, 0.5) : 0,
                slope = between(rng, -0.8, 0.8);
    canvas.fill(random_shape(centre, rng), id_of(Part::kBackground), [&](Point p, Color) {
      return colour * (1 + slope * (p.x - centre.x + p.y - centre.y) +
                       (grain > 0 ? grain * noise.at(p.x, 2 * p.y) : 0));
    });
  }
}

}  // namespace

void paint_background(Canvas& canvas, const Noise& noise, core::Rng rng) {
  switch (rng.below(7)) {
    case 0:
      paint_spot(canvas, rng);
      break;
    case 1:
    case 2:
      paint_texture(canvas, noise, rng);
      break;
    case 3:
      paint_stripes(canvas, rng);
      break;
    case 4:
      paint_shelf(canvas, rng);
      break;
    case 5:
      paint_leaves(canvas, rng);
      break;
    default:
      paint_gradient(canvas, rng);
      break;
  }
  paint_clutter(canvas, noise, rng);
  const double sharpness = rng.uniform();
  if (sharpness < 0.6) {
    const auto pixels = static_cast<int>(between(rng, 0.008, 0.05) / canvas.pixel());
    canvas.defocus(std::max(1, pixels));
  }
}

}  // namespace parsimony::data
