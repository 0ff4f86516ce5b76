// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cmath>

#include "parsimony/data/synth_layers.h"

namespace parsimony::data {
namespace {

// A soft dent or bump: brightness changes by `amount` in the middle of an ellipse.
float relief(Point p, Point centre, float radius_x, float radius_y, float amount) {
  const float x = (p.x - centre.x) / radius_x, y = (p.y - centre.y) / radius_y;
  const float rest = 1 - x * x - y * y;
  return rest > 0 ? amount * rest * rest : 0;
}

Path face_outline(const Scene& scene) {
  const Face& f = scene.person.face;
  const Head& head = scene.head;
  struct Knot {
    float u, v, z;
  };
  const std::array<Knot, 9> right{{{0.22F, -1.0F, 0},
                                   {0.46F, -0.86F, 0},
                                   {0.66F, -0.58F, 0},
                                   {0.73F, -0.25F, 0},
                                   {0.725F, 0.1F, 0.02F},
                                   {0.68F * (0.6F + 0.4F * f.jaw), 0.42F, 0.1F},
                                   {0.56F * f.jaw, 0.7F, 0.22F},
                                   {0.36F * f.jaw, 0.9F, 0.32F},
                                   {f.chin, 0.99F, 0.36F}}};
  std::vector<Point> points;
  for (const Knot& k : right) points.push_back(head.rim(k.u, k.v, k.z));
  for (auto k = right.rbegin(); k != right.rend(); ++k)
    points.push_back(head.rim(-k->u, k->v, k->z));
  return Path::blob(points);
}

void paint_ear(const Scene& scene, float side) {
  const Head& head = scene.head;
  const float size = scene.person.face.ear_size;
  const Point centre = head.project(side * 0.77F, 0.1F, -0.08F);
  const float rx = 0.11F * size * head.size(), ry = 0.2F * size * head.size();
  const float angle = head.roll() + side * 0.15F;
  scene.canvas.fill(
      Path::ellipse(centre, rx, ry, angle), id_of(Part::kSkin), [&](Point p, Color below) {
        const Point q = rotated(p - centre, -angle);
        const float hollow = relief({q.x / rx, q.y / ry}, {-0.1F * side, 0}, 0.7F, 0.75F, -0.3F);
        return SkinShader{scene, false}(p, below) * Color{1, 0.94F, 0.93F} * (0.95F + hollow);
      });
}

}  // namespace

Color SkinShader::operator()(Point p, Color) const {
  const Face& f = scene.person.face;
  const Light& light = scene.person.light;
  const Head& head = scene.head;
  const Point q = head.local(p);
  float shade = scene.shade(head.lambert(relief ? q : Point{q.x * 0.9F, q.y - 0.9F}, light));
  Color colour = f.skin;
  if (relief) {
    // Where features are: the same turn of the head as theirs, in the frame of the outline.
    const Point middle = head.local(head.on_face(0, 0.2F));
    const Point r{q.x - middle.x, q.y - middle.y + 0.2F};
    const float side = std::abs(r.x);  // the face is symmetric
    const float dark = light.x > 0 ? -1.0F : 1.0F;
    shade *=
        1 +
        data::relief({side, r.y}, {f.eye_distance, -0.04F}, 0.24F, 0.19F, -0.16F - 0.1F * f.age) +
        data::relief({side, r.y}, {0.3F, 0.15F}, 0.17F, 0.08F, -0.2F * f.age) +
        data::relief({side, r.y}, {0.42F, 0.3F}, 0.26F, 0.24F, 0.09F) +
        data::relief({side, r.y}, {0.27F, 0.52F}, 0.1F, 0.17F, -0.16F * f.age - 0.03F) +
        data::relief(r, {dark * 0.2F, 0.28F}, 0.16F, 0.3F, -0.2F * std::abs(light.x)) +
        data::relief(r, {0, f.nose_length + 0.07F}, 0.22F, 0.09F, -0.16F) +
        data::relief(r, {0, f.mouth_height + 0.16F}, 0.22F, 0.07F, -0.15F) +
        data::relief(r, {0.2F * light.x, -0.48F}, 0.45F, 0.3F, 0.08F) +
        data::relief(r, {0, 0.9F}, 0.2F, 0.13F, 0.08F);
    const float blush = data::relief({side, r.y}, {0.4F, 0.32F}, 0.25F, 0.2F, f.blush);
    colour = colour * Color{1, 1 - 0.25F * blush, 1 - 0.2F * blush};
    if (f.freckles > 0 && r.y > -0.1F && r.y < 0.5F &&
        scene.noise.at(q.x * 1.3F, q.y * 1.3F) > 0.45F)
      shade *= 1 - 0.2F * f.freckles;
  } else {
    // The head shades the neck, softly and away from the light.
    const float x = (q.x + 0.25F * light.x) / 0.74F, y = (q.y - 0.42F) / 0.92F;
    shade *= 1 - 0.42F * (1 - smooth_step(0.55F, 1.15F, x * x + y * y));
  }
  shade *= 1 + 0.03F * scene.noise.at(q.x * 0.7F, q.y * 0.7F);
  const float deep = std::clamp(1 - shade, 0.0F, 1.0F);  // shadows on skin are warmer than the skin
  return colour * Color{1, 1 - 0.07F * deep, 1 - 0.1F * deep} * shade;
}

void paint_head(const Scene& scene) {
  const float near = scene.head.yaw() > 0 ? -1.0F : 1.0F;
  paint_ear(scene, -near);
  if (std::abs(scene.head.yaw()) < 0.12F) paint_ear(scene, near);
  scene.canvas.fill(face_outline(scene), id_of(Part::kSkin), SkinShader{scene, true});
}

void paint_near_ear(const Scene& scene) {
  if (std::abs(scene.head.yaw()) >= 0.12F) paint_ear(scene, scene.head.yaw() > 0 ? -1.0F : 1.0F);
}

}  // namespace parsimony::data
