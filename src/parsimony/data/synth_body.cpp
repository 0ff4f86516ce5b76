// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cmath>

#include "parsimony/data/synth_layers.h"

namespace parsimony::data {
namespace {

// Cloth in the light: pattern, folds and the round of the torso.
struct ClothShader {
  const Scene& scene;
  Color first, second;
  float gain = 1;
  Point axis = rotated({1, 0}, scene.person.clothes.pattern_angle);

  Color operator()(Point p, Color) const {
    const Clothes& clothes = scene.person.clothes;
    const Light& light = scene.person.light;
    const Point local = (p - scene.head.body(clothes.sway, 1.6F)) * (1 / scene.head.size());
    const float x = std::clamp(local.x / 2.1F, -0.95F, 0.95F);
    const float lambert =
        std::clamp(x * light.x + std::sqrt(1 - x * x) * light.z - 0.4F * light.y, 0.0F, 1.0F);
    const float folds = 1 + 0.28F * scene.noise.at(local.x * 0.11F + 0.3F, local.y * 0.05F);
    return colour_at({axis.x * local.x - axis.y * local.y, axis.y * local.x + axis.x * local.y}) *
           (gain * folds * scene.shade(lambert));
  }

  Color colour_at(Point q) const {
    const Clothes& clothes = scene.person.clothes;
    const float a = q.x / clothes.pattern_size, b = q.y / clothes.pattern_size;
    const bool odd_a = a - std::floor(a) < 0.5F, odd_b = b - std::floor(b) < 0.5F;
    switch (clothes.pattern) {
      case Pattern::kPlain:
        return first;
      case Pattern::kStripes:
        return odd_b ? second : first;
      case Pattern::kChecks:
        return mix(first, second, 0.5F * static_cast<float>(odd_a + odd_b));
      case Pattern::kDots:
        return std::hypot(a - std::floor(a) - 0.5F, b - std::floor(b) - 0.5F) < 0.27F ? second
                                                                                      : first;
      case Pattern::kNoise:
        return mix(
            first, second, smooth_step(-0.25F, 0.25F, scene.noise.at(q.x * 0.5F, q.y * 0.5F)));
    }
    return first;
  }
};

Path torso(const Scene& scene) {
  const Clothes& c = scene.person.clothes;
  static constexpr std::array<Point, 7> kRight{{{0.38F, 1.08F},
                                                {0.6F, 1.3F},
                                                {1.15F, 1.5F},
                                                {1.65F, 1.78F},
                                                {1.95F, 2.4F},
                                                {2.1F, 3.6F},
                                                {2.2F, 6}}};
  std::vector<Point> points;
  for (const Point p : kRight) points.push_back(scene.head.body(c.sway + p.x * c.shoulders, p.y));
  for (auto p = kRight.rbegin(); p != kRight.rend(); ++p)
    points.push_back(scene.head.body(c.sway - p->x * c.shoulders, p->y));
  return Path::blob(points);
}

Path neck(const Scene& scene) {
  const Clothes& c = scene.person.clothes;
  const Head& head = scene.head;
  const float w = c.neck_width;
  return Path::blob({head.rim(-0.46F * w, 0.2F),
                     head.rim(0.46F * w, 0.2F),
                     head.rim(0.44F * w, 0.7F),
                     head.body(c.sway + 0.43F * w, 1.1F),
                     head.body(c.sway + 0.7F * w, 1.38F),
                     head.body(c.sway, 1.62F),
                     head.body(c.sway - 0.7F * w, 1.38F),
                     head.body(c.sway - 0.43F * w, 1.1F),
                     head.rim(-0.44F * w, 0.7F)});
}

void paint_opening(const Scene& scene, float u, float v, float radius_x, float radius_y) {
  const Clothes& c = scene.person.clothes;
  const float size = scene.head.size();
  scene.canvas.fill(Path::ellipse(scene.head.body(c.sway + u, v), radius_x * size, radius_y * size),
                    id_of(Part::kSkin),
                    SkinShader{scene, false},
                    only(Part::kClothes) | only(Part::kSkin));
}

void paint_collar(const Scene& scene) {
  const Clothes& c = scene.person.clothes;
  const Head& head = scene.head;
  const auto at = [&](float u, float v) { return head.body(c.sway + u, v); };
  const ClothShader cloth{scene, c.second, c.second, 1};
  scene.canvas.fill(Path::polygon({at(-0.42F, 1.1F), at(0.42F, 1.1F), at(0, 1.85F)}),
                    id_of(Part::kSkin),
                    SkinShader{scene, false});
  if (c.tie) {
    const ClothShader silk{scene, c.colour * Color{0.4F, 0.5F, 0.7F}, c.colour, 1.1F};
    scene.canvas.fill(Path::polygon({at(-0.36F, 1.3F), at(0.36F, 1.3F), at(0, 1.9F)}),
                      id_of(Part::kClothes),
                      cloth);
    scene.canvas.fill(Path::polygon({at(-0.13F, 1.5F),
                                     at(0.13F, 1.5F),
                                     at(0.09F, 1.72F),
                                     at(0.22F, 3.4F),
                                     at(-0.22F, 3.4F),
                                     at(-0.09F, 1.72F)}),
                      id_of(Part::kClothes),
                      silk);
  }
  for (const float side : {-1.0F, 1.0F}) {
    const ClothShader flap{
        scene, c.second, c.colour, side * scene.person.light.x > 0 ? 1.12F : 0.92F};
    scene.canvas.fill(Path::polygon({at(side * 0.4F, 1.02F),
                                     at(side * 0.56F, 1.16F),
                                     at(side * 0.5F, 1.78F),
                                     at(side * 0.04F, 1.66F)}),
                      id_of(Part::kClothes),
                      flap);
  }
}

}  // namespace

void paint_body(const Scene& scene) {
  const Clothes& c = scene.person.clothes;
  const Head& head = scene.head;
  const auto at = [&](float u, float v) { return head.body(c.sway + u, v); };
  const ClothShader cloth{scene, c.colour, c.second, 1};
  const ClothShader shadow{scene, c.colour, c.second, 0.72F};
  const auto clothes = id_of(Part::kClothes);
  if (c.neckline == Neckline::kHood)
    scene.canvas.fill(
        Path::ellipse(at(0, 0.95F), 0.95F * head.size(), 0.6F * head.size()), clothes, shadow);
  scene.canvas.fill(torso(scene), clothes, cloth);
  scene.canvas.fill(neck(scene), id_of(Part::kSkin), SkinShader{scene, false});
  switch (c.neckline) {
    case Neckline::kCrew: {
      scene.canvas.fill(Path::stroke({at(-0.7F, 1.22F),
                                      at(-0.38F, 1.46F),
                                      at(0, 1.55F),
                                      at(0.38F, 1.46F),
                                      at(0.7F, 1.22F)},
                                     0.14F * head.size(),
                                     0.12F * head.size(),
                                     0.14F * head.size()),
                        clothes,
                        shadow);
      scene.canvas.fill(Path::polygon({at(-0.62F, 1.25F),
                                       at(-0.3F, 1.5F),
                                       at(0.3F, 1.5F),
                                       at(0.62F, 1.25F),
                                       at(0.8F, 1.8F),
                                       at(-0.8F, 1.8F)}),
                        clothes,
                        cloth);
      break;
    }
    case Neckline::kVee:
      scene.canvas.fill(Path::polygon({at(-0.52F, 1.2F), at(0.52F, 1.2F), at(0, 2.05F)}),
                        id_of(Part::kSkin),
                        SkinShader{scene, false});
      break;
    case Neckline::kCollar:
      paint_collar(scene);
      break;
    case Neckline::kTurtle:
      scene.canvas.fill(Path::blob({at(-0.54F, 0.98F),
                                    at(0, 1.12F),
                                    at(0.54F, 0.98F),
                                    at(0.72F, 1.3F),
                                    at(0.7F, 1.6F),
                                    at(0, 1.72F),
                                    at(-0.7F, 1.6F),
                                    at(-0.72F, 1.3F)}),
                        clothes,
                        shadow);
      break;
    case Neckline::kTank:
      paint_opening(scene, 0, 1.45F, 0.8F, 0.55F);
      paint_opening(scene, -1.75F * c.shoulders, 2.1F, 0.55F, 0.8F);
      paint_opening(scene, 1.75F * c.shoulders, 2.1F, 0.55F, 0.8F);
      break;
    case Neckline::kHood:
      for (const float side : {-1.0F, 1.0F}) {
        const float thick = 0.3F * head.size();
        scene.canvas.fill(
            Path::stroke({at(side * 0.72F, 0.9F), at(side * 0.66F, 1.3F), at(side * 0.12F, 1.7F)},
                         thick,
                         thick,
                         thick * 0.6F),
            clothes,
            cloth);
      }
      break;
  }
  if (c.scarf) {
    const ClothShader wool{scene, c.second, c.colour, 1.05F};
    const float thick = 0.42F * head.size();
    scene.canvas.fill(
        Path::stroke({at(-0.62F, 1.1F), at(-0.25F, 1.32F), at(0.25F, 1.34F), at(0.62F, 1.1F)},
                     thick,
                     thick * 1.1F,
                     thick),
        clothes,
        wool);
    scene.canvas.fill(
        Path::stroke(
            {at(0.3F, 1.35F), at(0.36F, 1.9F), at(0.3F, 2.6F)}, thick * 0.8F, thick, thick),
        clothes,
        wool);
  }
}

}  // namespace parsimony::data
