// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <numbers>

#include "parsimony/data/synth_layers.h"

namespace parsimony::data {
namespace {

constexpr float kPi = std::numbers::pi_v<float>;

// Waves of the hair's outline; `t` runs along it.
float bumps(const Hair& hair, float t) {
  return hair.curl *
         (std::sin(hair.curl_frequency * t) + 0.5F * std::sin(2.3F * hair.curl_frequency * t + 1));
}

auto shader(const Scene& scene, bool falling, float gain = 1) {
  return [&scene, falling, gain](Point p, Color) { return scene.hair_at(p, falling) * gain; };
}

// The outer contour of the hair around the skull, from the left (from = 1) over the crown to the
// right.
std::vector<Point> outer_arc(const Scene& scene, float below_ear) {
  const Hair& hair = scene.person.hair;
  constexpr int kKnots = 48;
  std::vector<Point> points;
  for (int i = 0; i <= kKnots; ++i) {
    const float t = -kPi - below_ear + (kPi + 2 * below_ear) * static_cast<float>(i) / kKnots;
    const float swell = 1 + bumps(hair, t);
    const float rx = (0.75F + hair.side) * swell, ry = (0.86F + hair.top) * swell;
    points.push_back(scene.head.rim(rx * std::cos(t), -0.16F + ry * std::sin(t), -0.08F));
  }
  return points;
}

// The edge towards the face, from the right temple to the left.
std::vector<Point> hairline(const Scene& scene) {
  const Hair& hair = scene.person.hair;
  const Head& head = scene.head;
  std::vector<Point> points{
      head.on_face(0.71F, 0.12F), head.on_face(0.67F, -0.14F), head.on_face(0.6F, -0.38F)};
  constexpr int kTeeth = 14;
  for (int i = 0; i <= kTeeth; ++i) {
    const float u = 0.5F - static_cast<float>(i) / kTeeth;
    const float arch = 1 - 4 * u * u;  // highest in the middle
    float v = std::lerp(-0.44F, hair.hairline, arch) + hair.peak * std::exp(-40 * u * u);
    // A parting: the hair parts where it shifts to and falls to both sides.
    if (hair.fringe > 0) {
      const float fall = hair.fringe + hair.fringe_slant * u;
      const float tooth = 0.05F * std::sin(19 * u + 7 * hair.part_shift) + 0.03F * std::sin(43 * u);
      v += std::max(0.0F, fall + tooth) * (0.55F + 0.45F * arch);
    } else {
      v +=
          0.09F * std::max(0.0F, std::abs(u - hair.part_shift) - 0.25F) + bumps(hair, 5 * u) * 0.4F;
    }
    points.push_back(head.on_face(u, std::min(v, -0.12F), 0.02F));
  }
  points.push_back(head.on_face(-0.6F, -0.38F));
  points.push_back(head.on_face(-0.67F, -0.14F));
  points.push_back(head.on_face(-0.71F, 0.12F));
  return points;
}

// Hair around a bald crown.
Path side_patch(const Scene& scene, float side) {
  const Hair& hair = scene.person.hair;
  const Head& head = scene.head;
  const float out = 0.75F + hair.side;
  return Path::blob({head.on_face(side * 0.71F, 0.14F),
                     head.on_face(side * 0.68F, -0.15F),
                     head.on_face(side * 0.66F, -0.38F),
                     head.rim(side * 0.69F, -0.55F),
                     head.rim(side * out, -0.3F),
                     head.rim(side * (out + 0.02F), 0),
                     head.rim(side * out, 0.25F)});
}

Path falling_hair(const Scene& scene) {
  const Hair& hair = scene.person.hair;
  const Head& head = scene.head;
  const float out = 0.76F + hair.side, wide = out + hair.spread, length = hair.length;
  std::vector<Point> points;
  constexpr int kKnots = 9;
  for (const float side : {1.0F, -1.0F}) {
    for (int i = 0; i <= kKnots; ++i) {
      const float t = static_cast<float>(side > 0 ? i : kKnots - i) / kKnots;
      const float u = std::lerp(out, wide, smooth_step(0, 0.7F, t)) *
                      (0.7F + 0.3F * smooth_step(-0.2F, 0.25F, t)) *
                      (1 + 1.4F * bumps(hair, 2.2F * t + side));
      const float v = std::lerp(-0.6F, length, t);
      const Point hanging = head.body(side * u, v), turned = head.rim(side * u, v, -0.15F);
      points.push_back(turned +
                       (hanging - turned) * (0.8F * t));  // falls straight down whatever the roll
    }
    if (side > 0) points.push_back(head.body(0.2F, length + 0.12F));
  }
  return Path::blob(points);
}

Path lock(const Scene& scene, float side) {
  const Hair& hair = scene.person.hair;
  const Head& head = scene.head;
  const float out = 0.76F + hair.side, wide = out + hair.spread, length = hair.length;
  const auto hang = [&](float u, float v, float share) {
    const Point hanging = head.body(side * u, v), turned = head.rim(side * u, v, 0.1F);
    return turned + (hanging - turned) * share;
  };
  const float wave = bumps(hair, side + 2) * 2;
  return Path::blob({head.on_face(side * 0.3F, std::min(-0.5F, hair.hairline - 0.02F)),
                     hang(0.6F, -0.64F, 0),
                     hang(0.72F + 0.5F * hair.side, -0.4F, 0),
                     hang(out, 0, 0),
                     hang(std::lerp(out, wide, 0.5F) + wave, 0.45F * length, 0.4F),
                     hang(wide - wave, 0.9F * length, 0.8F),
                     hang(0.5F * wide + 0.1F, length + 0.08F, 0.8F),
                     hang(0.58F + wave, 0.7F * length, 0.6F),
                     hang(0.66F, 0.35F * length, 0.2F),
                     head.on_face(side * 0.62F, 0.1F),
                     head.on_face(side * 0.58F, -0.25F)});
}

Path beard_outline(const Scene& scene) {
  const Face& f = scene.person.face;
  const Head& head = scene.head;
  const float drop = scene.person.hair.beard_length, j = f.jaw, mouth = f.mouth_height;
  std::vector<Point> points;
  const auto add_side = [&](float s) {
    points.push_back(head.on_face(s * 0.2F, mouth - 0.14F, 0.03F));
    points.push_back(head.on_face(s * 0.38F, mouth - 0.02F, 0.02F));
    points.push_back(head.on_face(s * 0.52F, 0.3F));
    points.push_back(head.on_face(s * 0.68F, 0.08F));
    points.push_back(head.rim(s * 0.745F, 0.1F, 0.02F));
    points.push_back(head.rim(s * 0.7F * (0.6F + 0.4F * j), 0.44F, 0.1F));
    points.push_back(head.rim(s * 0.59F * j, 0.74F, 0.2F));
    points.push_back(head.rim(s * 0.36F * j, 0.97F + 0.8F * drop, 0.32F));
  };
  add_side(1);
  points.push_back(head.rim(0, 1.03F + drop, 0.36F));
  const auto half = static_cast<std::ptrdiff_t>(points.size());
  add_side(-1);
  std::reverse(points.begin() + half, points.end());
  return Path::blob(points);
}

}  // namespace

Color Scene::hair_at(Point p, bool falling) const {
  const Hair& hair = person.hair;
  const Point q = head.local(p);
  const float y = q.y + 0.25F, radius = std::hypot(q.x, y);
  const float across = falling ? q.x * 0.9F : std::atan2(q.x, -y) * 0.55F;
  const float along = falling ? q.y * 0.1F : radius * 0.13F;
  const float curly = hair.curl * 10;  // curls have no strands, only clumps
  const float strand = noise.at(across + 0.2F * curly * q.y, along + curly * 0.5F * q.x);
  const float lambert = head.lambert({q.x * 0.85F, falling ? q.y * 0.4F : q.y}, person.light);
  const float band = std::max(0.0F, 1 - std::abs(radius - 0.8F - 0.1F * strand) * 4);
  const float shade = this->shade(lambert) * (1 + 0.38F * strand) +
                      (falling ? 0 : hair.shine * 0.5F * band * lambert);
  const Color colour = strand > 0.12F ? mix(hair.colour, hair.streak, hair.streaks) : hair.colour;
  return (colour + Color{0.03F, 0.025F, 0.02F}) * shade;
}

void paint_hair_behind(const Scene& scene) {
  const Hair& hair = scene.person.hair;
  const Head& head = scene.head;
  const auto id = id_of(Part::kHair);
  if (hair.length > 0) scene.canvas.fill(falling_hair(scene), id, shader(scene, true, 0.78F));
  if (hair.bun > 0) {
    scene.canvas.fill(Path::ellipse(head.rim(0.2F * hair.part_shift, -1.08F, -0.2F),
                                    hair.bun * head.size(),
                                    hair.bun * 0.85F * head.size()),
                      id,
                      shader(scene, false, 0.9F));
  }
  if (hair.ponytail != 0) {
    const float s = hair.ponytail, width = 0.34F * head.size();
    scene.canvas.fill(Path::stroke({head.rim(0.35F * s, -0.8F, -0.4F),
                                    head.rim(0.95F * s, -0.55F, -0.4F),
                                    head.body(1.0F * s, 0.4F),
                                    head.body(0.8F * s, 1.3F)},
                                   width * 0.6F,
                                   width,
                                   width * 0.3F),
                      id,
                      shader(scene, true, 0.9F));
  }
}

void paint_beard(const Scene& scene) {
  const Hair& hair = scene.person.hair;
  const Face& f = scene.person.face;
  const Head& head = scene.head;
  const auto id = id_of(Part::kHair);
  const std::uint32_t skin = only(Part::kSkin);
  const auto at = [&](float u, float v) { return head.on_face(u, v, 0.05F); };
  const auto bristles = [&](Point p, Color below) {
    const Point q = head.local(p);
    const float strand = scene.noise.at(q.x * 0.9F, q.y * 0.35F);
    const float shade = scene.shade(head.lambert(q, scene.person.light)) * (0.85F + 0.4F * strand);
    return mix(below,
               (hair.colour + Color{0.02F, 0.02F, 0.02F}) * shade,
               std::clamp(0.9F + 0.5F * strand, 0.6F, 1.0F));
  };
  const float m = f.mouth_height, w = f.mouth_width, thick = 0.1F * head.size();
  const Path moustache = Path::stroke({at(-w - 0.05F, m + 0.02F),
                                       at(-0.13F, m - 0.09F),
                                       at(0, m - 0.085F),
                                       at(0.13F, m - 0.09F),
                                       at(w + 0.05F, m + 0.02F)},
                                      thick * 0.5F,
                                      thick,
                                      thick * 0.5F);
  switch (hair.beard) {
    case Beard::kNone:
      break;
    case Beard::kStubble:
      // Skin shows through, so the label stays skin.
      scene.canvas.fill(
          beard_outline(scene),
          {},
          [&](Point p, Color below) {
            const Point q = head.local(p);
            return mix(below,
                       hair.colour,
                       std::clamp(0.22F + 0.35F * scene.noise.at(q.x * 2, q.y * 2), 0.05F, 0.5F));
          },
          skin);
      break;
    case Beard::kMoustache:
      scene.canvas.fill(moustache, id, bristles, skin);
      break;
    case Beard::kGoatee:
      scene.canvas.fill(moustache, id, bristles, skin);
      scene.canvas.fill(Path::blob({at(-0.16F, m + 0.15F),
                                    at(0.16F, m + 0.15F),
                                    head.rim(0.2F, 0.95F, 0.36F),
                                    head.rim(0, 1.03F + hair.beard_length, 0.36F),
                                    head.rim(-0.2F, 0.95F, 0.36F)}),
                        id,
                        bristles);
      break;
    case Beard::kFull:
      scene.canvas.fill(beard_outline(scene), id, bristles);
      break;
  }
}

void paint_hair_before(const Scene& scene) {
  const Hair& hair = scene.person.hair;
  const auto id = id_of(Part::kHair);
  if (!hair.cap) return;
  if (hair.sides_only) {
    for (const float side : {-1.0F, 1.0F})
      scene.canvas.fill(side_patch(scene, side), id, shader(scene, false));
    return;
  }
  std::vector<Point> cap = outer_arc(scene, hair.length > 0 ? 0.35F : 0.12F);
  const std::vector<Point> edge = smooth_curve(hairline(scene), 3);
  cap.insert(cap.end(), edge.begin(), edge.end());
  scene.canvas.fill(Path::polygon(std::move(cap)), id, shader(scene, false));
}

void paint_locks(const Scene& scene) {
  const Hair& hair = scene.person.hair;
  if (!hair.locks_in_front || hair.length <= 0) return;
  for (const float side : {-1.0F, 1.0F}) {
    scene.canvas.fill(lock(scene, side), id_of(Part::kHair), shader(scene, true));
  }
}

}  // namespace parsimony::data
