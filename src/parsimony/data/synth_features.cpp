// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cmath>

#include "parsimony/data/synth_layers.h"

namespace parsimony::data {
namespace {

// Features lie on the face: where a far cheek ends, so do they.
constexpr std::uint32_t kOnFace = only(Part::kSkin) | only(Part::kBrows) | only(Part::kEyes) |
                                  only(Part::kNose) | only(Part::kMouth) | only(Part::kHair);

// Colours in the light of the head, without the relief of the face.
auto lit(const Scene& scene, Color colour, float gain = 1) {
  return [&scene, colour, gain](Point p, Color) {
    return colour *
           (gain * scene.shade(scene.head.lambert(scene.head.local(p), scene.person.light)));
  };
}

auto darkened(float factor) {
  return [factor](Point, Color below) { return below * factor; };
}

void paint_eye(const Scene& scene, float side) {
  const Face& f = scene.person.face;
  const Head& head = scene.head;
  Canvas& canvas = scene.canvas;
  const float half = f.eye_size, open = half * f.eye_open, tilt = f.eye_tilt * half;
  // t from the inner (-1) to the outer corner (1), h above the line between them
  const auto at = [&](float t, float h) {
    return head.on_face(side * (f.eye_distance + t * half), -tilt * t - h);
  };
  const float thin = 0.028F * head.size();
  if (f.eye_shadow > 0) {
    canvas.fill(
        Path::blob({at(-0.9F, 0),
                    at(-0.3F, 2.1F * open),
                    at(0.5F, 2.2F * open),
                    at(1.25F, 0.6F * open),
                    at(0, -0.2F * open)}),
        {},
        [&](Point, Color below) { return mix(below, f.lips * 0.55F, 0.5F * f.eye_shadow); },
        kOnFace);
  }
  canvas.fill(
      Path::stroke({at(-0.85F, 1.15F * open), at(0, 1.6F * open + 0.015F), at(1, 0.95F * open)},
                   thin * 0.3F,
                   thin * 0.8F,
                   thin * 0.4F),
      {},
      darkened(0.8F),
      kOnFace);
  const Path opening = Path::blob({at(-1, -0.1F * open),
                                   at(-0.55F, 0.72F * open),
                                   at(0.05F, open),
                                   at(0.62F, 0.72F * open),
                                   at(1, 0),
                                   at(0.5F, -0.62F * open),
                                   at(-0.35F, -0.68F * open)});
  const Point centre = at(0, 0);
  canvas.fill(
      opening,
      id_of(Part::kEyes),
      [&](Point p, Color below) {
        const float lid =
            1 - 0.35F * smooth_step(-0.2F * open, open, -(head.local(p).y - head.local(centre).y));
        return lit(scene, {0.93F, 0.9F, 0.88F}, lid)(p, below);
      },
      kOnFace);

  const Point gaze = at(f.gaze.x * 0.5F * side, -f.gaze.y * 0.5F * open);
  const float radius = 0.076F * head.size(), squeeze = std::cos(head.yaw());
  const std::uint32_t eye = only(Part::kEyes);
  canvas.fill(
      Path::ellipse(gaze, radius * squeeze, radius),
      id_of(Part::kEyes),
      [&](Point p, Color) {
        const float d = std::hypot(p.x - gaze.x, p.y - gaze.y) / radius;
        return f.iris * (1.15F - 0.6F * d * d) + Color{0.02F, 0.02F, 0.02F};
      },
      eye);
  canvas.fill(
      Path::ellipse(gaze, radius * squeeze * 0.45F, radius * 0.45F),
      id_of(Part::kEyes),
      [](Point, Color) {
        return Color{0.03F, 0.03F, 0.03F};
      },
      eye);
  const Point glint = gaze + Point{scene.person.light.x, scene.person.light.y} * (radius * 0.6F);
  canvas.fill(
      Path::ellipse(glint, radius * 0.24F, radius * 0.24F),
      id_of(Part::kEyes),
      [](Point, Color) {
        return Color{1, 1, 1};
      },
      eye);

  const Color lash = mix(f.brow, {0.05F, 0.04F, 0.04F}, 0.7F);
  canvas.fill(Path::stroke({at(-1.02F, -0.05F * open),
                            at(-0.5F, 0.78F * open),
                            at(0.05F, 1.03F * open),
                            at(0.62F, 0.78F * open),
                            at(1.1F, 0.02F)},
                           thin * 0.5F,
                           thin * 1.3F,
                           thin),
              id_of(Part::kEyes),
              lit(scene, lash),
              kOnFace);
}

void paint_brow(const Scene& scene, float side) {
  const Face& f = scene.person.face;
  const Head& head = scene.head;
  const auto at = [&](float u, float rise) {
    return head.on_face(side * u, -f.brow_height - rise - f.brow_tilt * (u - f.eye_distance));
  };
  const float d = f.eye_distance, width = f.brow_thickness * head.size();
  const Path brow = Path::stroke({at(d - 0.17F, -0.01F),
                                  at(d, 0.5F * f.brow_arch),
                                  at(d + 0.1F, f.brow_arch),
                                  at(d + 0.22F, -0.01F)},
                                 width,
                                 width * 1.15F,
                                 width * 0.35F);
  scene.canvas.fill(
      brow,
      id_of(Part::kBrows),
      [&](Point p, Color below) {
        const Point q = head.local(p);
        const float hairs = 0.78F + 0.35F * scene.noise.at(q.x * 1.5F, q.y * 0.6F);
        return mix(below, lit(scene, f.brow)(p, below), std::clamp(hairs, 0.4F, 1.0F));
      },
      kOnFace);
}

void paint_nose(const Scene& scene) {
  const Face& f = scene.person.face;
  const Head& head = scene.head;
  Canvas& canvas = scene.canvas;
  const float w = f.nose_width, n = f.nose_length;
  struct Knot {
    float u, v, lift;
  };
  const std::array<Knot, 6> right{{{0.055F, -0.04F, 0.02F},
                                   {0.07F, 0.35F * n, 0.06F},
                                   {0.11F, 0.68F * n, 0.1F},
                                   {0.165F, 0.88F * n, 0.06F},
                                   {0.14F, n, 0.06F},
                                   {0.06F, n + 0.035F, 0.14F}}};
  std::vector<Point> points;
  for (const Knot& k : right) points.push_back(head.on_face(k.u * w, k.v, k.lift));
  for (auto k = right.rbegin(); k != right.rend(); ++k)
    points.push_back(head.on_face(-k->u * w, k->v, k->lift));
  const Point bridge = head.local(head.on_face(0, 0, 0.03F)),
              tip = head.local(head.on_face(0, 0.86F * n, 0.22F));
  const Light& light = scene.person.light;
  const SkinShader skin{scene, true};
  canvas.fill(
      Path::blob(points),
      id_of(Part::kNose),
      [&](Point p, Color below) {
        const Point q = head.local(p);
        const float down =
            std::clamp((q.y - bridge.y) / std::max(0.05F, tip.y - bridge.y), 0.0F, 1.15F);
        const float across =
            (q.x - std::lerp(bridge.x, tip.x, down)) / (0.06F + 0.12F * down * down * w);
        const float slope = std::clamp(across, -1.2F, 1.2F);
        const float side = 0.34F * slope * light.x * (0.35F + 0.65F * down);
        const float ridge =
            0.1F * std::max(0.0F, 1 - across * across * 2) * (0.4F + down) * light.z;
        const float round = std::hypot(q.x - tip.x - 0.04F * light.x, q.y - tip.y) / 0.13F;
        const float ball = 0.14F * std::max(0.0F, 1 - round * round);  // the tip catches the light
        const float under = -0.2F * smooth_step(0.98F, 1.15F, down);
        return skin(p, below) * Color{1.01F, 0.97F, 0.96F} * (1 + side + ridge + ball + under);
      },
      kOnFace);
  for (const float side : {-1.0F, 1.0F}) {
    const Point nostril = head.on_face(side * 0.075F * w, n + 0.005F, 0.1F);
    canvas.fill(
        Path::ellipse(
            nostril, 0.042F * w * head.size(), 0.024F * head.size(), head.roll() - side * 0.3F),
        id_of(Part::kNose),
        darkened(0.42F),
        only(Part::kNose));
    const auto at = [&](float u, float v) { return head.on_face(side * u * w, v, 0.06F); };
    const float thin = 0.02F * head.size();
    canvas.fill(Path::stroke({at(0.15F, 0.75F * n), at(0.185F, 0.9F * n), at(0.13F, n + 0.01F)},
                             thin * 0.4F,
                             thin,
                             thin * 0.5F),
                {},
                darkened(0.8F),
                kOnFace);
  }
}

void paint_mouth(const Scene& scene) {
  const Face& f = scene.person.face;
  const Head& head = scene.head;
  Canvas& canvas = scene.canvas;
  const float w = f.mouth_width * (1 + 0.12F * std::max(0.0F, f.smile)), v = f.mouth_height,
              gap = f.mouth_open;
  const float corner = v - 0.05F * f.smile;
  const auto at = [&](float u, float height) { return head.on_face(u * w, height, 0.05F); };
  const float upper = v - gap * 0.35F, lower = v + gap * 0.65F;
  const Path lips = Path::blob({at(-1, corner),
                                at(-0.5F, upper - 0.75F * f.lip_upper),
                                at(-0.16F, upper - f.lip_upper),
                                at(0, upper - 0.8F * f.lip_upper),
                                at(0.16F, upper - f.lip_upper),
                                at(0.5F, upper - 0.75F * f.lip_upper),
                                at(1, corner),
                                at(0.55F, lower + 0.75F * f.lip_lower),
                                at(0, lower + f.lip_lower),
                                at(-0.55F, lower + 0.75F * f.lip_lower)});
  const float middle = head.local(at(0, v)).y, bottom = head.local(at(0, lower + f.lip_lower)).y;
  const auto mouth = id_of(Part::kMouth);
  canvas.fill(
      lips,
      mouth,
      [&](Point p, Color below) {
        const float y = head.local(p).y;
        const float low = (y - middle) / std::max(0.02F, bottom - middle);  // above 0: lower lip
        const float gain = low < 0 ? 0.86F : 1.1F - 0.22F * std::abs(low - 0.45F);
        return lit(scene, f.lips, gain)(p, below);
      },
      kOnFace);
  if (gap > 0) {
    const std::uint32_t inside = only(Part::kMouth);
    const Path opening = Path::blob({at(-0.8F, corner),
                                     at(-0.4F, upper),
                                     at(0, upper + 0.01F),
                                     at(0.4F, upper),
                                     at(0.8F, corner),
                                     at(0.4F, lower),
                                     at(0, lower + 0.005F),
                                     at(-0.4F, lower)});
    canvas.fill(
        opening,
        mouth,
        [](Point, Color) {
          return Color{0.22F, 0.06F, 0.06F};
        },
        inside);
    if (f.teeth > 0) {
      const float edge = std::min(lower - 0.01F, upper + 0.055F);
      const Path teeth = Path::blob({at(-0.68F, std::lerp(corner, upper, 0.6F)),
                                     at(0, upper),
                                     at(0.68F, std::lerp(corner, upper, 0.6F)),
                                     at(0.4F, edge - 0.004F),
                                     at(0, edge),
                                     at(-0.4F, edge - 0.004F)});
      canvas.fill(teeth, mouth, lit(scene, {0.93F, 0.91F, 0.86F}), inside);
    }
  } else {
    const float thin = 0.02F * head.size();
    canvas.fill(Path::stroke({at(-0.97F, corner),
                              at(-0.4F, v + 0.005F),
                              at(0, v),
                              at(0.4F, v + 0.005F),
                              at(0.97F, corner)},
                             thin,
                             thin,
                             thin),
                mouth,
                darkened(0.55F),
                only(Part::kMouth));
  }
}

}  // namespace

void paint_features(const Scene& scene) {
  paint_mouth(scene);
  for (const float side : {-1.0F, 1.0F}) {
    paint_eye(scene, side);
    paint_brow(scene, side);
  }
  paint_nose(scene);
}

}  // namespace parsimony::data
