// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "parsimony/data/synth_layers.h"

namespace parsimony::data {
namespace {

// Cloth or felt on the head.
auto felt(const Scene& scene, Color colour, float ribs) {
  return [&scene, colour, ribs](Point p, Color) {
    const Point q = scene.head.local(p);
    const float texture = 1 + 0.15F * scene.noise.at(q.x * 0.5F, q.y * 0.25F) +
                          (ribs > 0 ? 0.1F * std::sin(ribs * q.x) : 0);
    return colour * (texture * scene.shade(scene.head.lambert({q.x * 0.9F, q.y * 0.85F},
                                                              scene.person.light)));
  };
}

// The dome of a hat: from the left brow line over the crown; `low` is its lower edge at the front.
Path dome(const Scene& scene, float low, float wide, float top) {
  const Head& head = scene.head;
  const float w = 0.76F + std::min(0.12F, scene.person.hair.side) + wide;
  return Path::blob({head.rim(-w, -0.3F, -0.05F),
                     head.rim(-w * 0.97F, -0.75F, -0.05F),
                     head.rim(-w * 0.62F, top + 0.08F, -0.1F),
                     head.rim(0, top, -0.1F),
                     head.rim(w * 0.62F, top + 0.08F, -0.1F),
                     head.rim(w * 0.97F, -0.75F, -0.05F),
                     head.rim(w, -0.3F, -0.05F),
                     head.on_face(0.5F, low - 0.02F, 0.06F),
                     head.on_face(0, low - 0.05F, 0.08F),
                     head.on_face(-0.5F, low - 0.02F, 0.06F)});
}

Path band(const Scene& scene, float low, float wide, float thickness) {
  const Head& head = scene.head;
  const float w = 0.76F + std::min(0.12F, scene.person.hair.side) + wide,
              t = thickness * head.size();
  return Path::stroke({head.rim(-w, -0.36F, -0.05F),
                       head.on_face(-0.5F, low - 0.06F, 0.06F),
                       head.on_face(0, low - 0.1F, 0.08F),
                       head.on_face(0.5F, low - 0.06F, 0.06F),
                       head.rim(w, -0.36F, -0.05F)},
                      t,
                      t,
                      t);
}

std::vector<Point> lens(const Scene& scene, float side, float scale) {
  const Extras& e = scene.person.extras;
  const float d = scene.person.face.eye_distance + 0.02F, rx = 0.24F * e.glasses_size * scale,
              ry = 0.17F * e.glasses_size * scale;
  const float corner = std::lerp(0.88F, 0.72F, e.glasses_round);  // 0.71 would be an ellipse
  std::vector<Point> points;
  for (const Point p : {Point{-1, 0},
                        Point{-corner, -corner},
                        Point{0, -1},
                        Point{corner, -corner},
                        Point{1, 0},
                        Point{corner, corner},
                        Point{0, 1},
                        Point{-corner, corner}}) {
    points.push_back(scene.head.on_face(side * (d + p.x * rx), 0.03F + p.y * ry, 0.1F));
  }
  return points;
}

void paint_hand(const Scene& scene) {
  const Extras& e = scene.person.extras;
  const Head& head = scene.head;
  const float s = e.occluder_side, thick = 0.2F * head.size();
  const SkinShader skin{scene, false};
  const auto id = id_of(Part::kBackground);
  const auto shaded = [&](float gain) {
    return [&skin, gain](Point p, Color below) {
      return skin(p, below) * Color{1, 0.96F, 0.95F} * gain;
    };
  };
  const auto at = [&](float u, float v) { return head.body(s * u, v); };
  scene.canvas.fill(Path::stroke({at(0.75F, 0.95F), at(1.0F, 1.7F), at(1.25F, 3)},
                                 thick * 2.2F,
                                 thick * 2.0F,
                                 thick * 2.4F),
                    id,
                    shaded(1.3F));
  scene.canvas.fill(
      Path::ellipse(at(0.68F, 0.95F), 0.4F * head.size(), 0.34F * head.size(), s * 0.6F),
      id,
      shaded(1.32F));
  for (int finger = 0; finger < 4; ++finger) {
    const auto k = static_cast<float>(finger);
    const Point root = at(0.82F - 0.12F * k, 0.68F + 0.09F * k),
                tip = at(0.62F - 0.17F * k, 0.22F + 0.18F * k);
    scene.canvas.fill(Path::stroke({root, (root + tip) * 0.5F + at(0.04F, -0.02F) - at(0, 0), tip},
                                   thick * 0.85F,
                                   thick * 0.85F,
                                   thick * 0.7F),
                      id,
                      shaded(0.75F));
    scene.canvas.fill(Path::stroke({root, (root + tip) * 0.5F + at(0.04F, -0.02F) - at(0, 0), tip},
                                   thick * 0.7F,
                                   thick * 0.7F,
                                   thick * 0.58F),
                      id,
                      shaded(1.3F));
  }
}

// A cup, a telephone, a microphone: a rounded box that covers a lower corner of the face.
void paint_object(const Scene& scene) {
  const Extras& e = scene.person.extras;
  const Head& head = scene.head;
  const float s = e.occluder_side;
  const auto at = [&](float u, float v) { return head.body(s * u, v); };
  const Path box =
      Path::polygon({at(0.18F, 0.62F), at(0.85F, 0.5F), at(0.98F, 1.45F), at(0.3F, 1.55F)});
  scene.canvas.fill(box, id_of(Part::kBackground), [&](Point p, Color) {
    const Point q = head.local(p);
    const float stripe = std::abs(q.y - 1.0F) < 0.12F ? 0.7F : 1.0F;
    return e.object *
           (stripe * (0.75F + 0.4F * scene.noise.at(q.x * 0.1F, q.y * 0.1F) + 0.3F * s * q.x));
  });
}

}  // namespace

void paint_glasses(const Scene& scene) {
  const Extras& e = scene.person.extras;
  if (e.glasses == Glasses::kNone) return;
  const Head& head = scene.head;
  const float width = e.frame_width * head.size();
  const auto frame = [&](Point p, Color) {
    return e.frame * (0.6F + 0.5F * head.lambert(head.local(p), scene.person.light));
  };
  for (const float side : {-1.0F, 1.0F}) {
    const Path glass = Path::blob(lens(scene, side, 1));
    if (e.glasses == Glasses::kDark) {
      scene.canvas.fill(Path::blob(lens(scene, side, 1.08F)),
                        id_of(Part::kBackground),
                        [&](Point p, Color below) {
                          const float sheen = 0.16F * smooth_step(0.1F, -0.2F, head.local(p).y);
                          return below * 0.08F + e.frame * 0.3F + Color{sheen, sheen, sheen * 1.1F};
                        });
    } else {
      const float glare = 0.05F + 0.1F * std::abs(scene.person.light.x);
      scene.canvas.fill(glass, {}, [&](Point p, Color below) {
        const Point q = head.local(p);
        const bool streak = std::fmod(q.x + 0.7F * q.y + 4, 0.5F) < 0.12F;
        return below * 0.95F + Color{1, 1, 1} * (streak ? glare : 0.02F);
      });
    }
    std::vector<Point> ring = lens(scene, side, 1.04F);
    ring.push_back(ring.front());
    scene.canvas.fill(Path::stroke(ring, width, width, width), {}, frame);
    const Point hinge = head.on_face(
        side * (scene.person.face.eye_distance + 0.26F * e.glasses_size), -0.03F, 0.08F);
    scene.canvas.fill(Path::stroke({hinge, head.rim(side * 0.76F, -0.02F)}, width, width, width),
                      {},
                      frame,
                      only(Part::kSkin));
  }
  const float inner = scene.person.face.eye_distance + 0.02F - 0.24F * e.glasses_size;
  scene.canvas.fill(Path::stroke({head.on_face(-inner, 0.01F, 0.1F),
                                  head.on_face(0, -0.04F, 0.12F),
                                  head.on_face(inner, 0.01F, 0.1F)},
                                 width,
                                 width,
                                 width),
                    {},
                    frame);
}

void paint_hat_behind(const Scene& scene) {
  if (scene.person.extras.hat != Hat::kHeadscarf) return;
  const Head& head = scene.head;
  scene.canvas.fill(Path::blob({head.rim(0, -1.16F, -0.1F),
                                head.rim(0.62F, -0.98F, -0.1F),
                                head.rim(0.9F, -0.3F),
                                head.rim(0.9F, 0.4F),
                                head.body(0.85F, 1.1F),
                                head.body(1.15F, 1.75F),
                                head.body(0, 2.3F),
                                head.body(-1.15F, 1.75F),
                                head.body(-0.85F, 1.1F),
                                head.rim(-0.9F, 0.4F),
                                head.rim(-0.9F, -0.3F),
                                head.rim(-0.62F, -0.98F, -0.1F)}),
                    id_of(Part::kClothes),
                    felt(scene, scene.person.extras.hat_colour, 0));
}

void paint_hat(const Scene& scene) {
  const Extras& e = scene.person.extras;
  const Head& head = scene.head;
  Canvas& canvas = scene.canvas;
  const auto id = id_of(Part::kClothes);
  switch (e.hat) {
    case Hat::kNone:
      break;
    case Hat::kBeanie:
      canvas.fill(dome(scene, -0.42F, 0.08F, -1.3F), id, felt(scene, e.hat_colour, 34));
      canvas.fill(band(scene, -0.4F, 0.08F, 0.26F), id, felt(scene, e.hat_band, 34));
      break;
    case Hat::kCap:
      canvas.fill(dome(scene, -0.5F, 0.06F, -1.2F), id, felt(scene, e.hat_colour, 0));
      canvas.fill(Path::blob({head.on_face(-0.52F, -0.52F, 0.05F),
                              head.on_face(0, -0.64F, 0.08F),
                              head.on_face(0.52F, -0.52F, 0.05F),
                              head.on_face(0.5F, -0.34F, 0.4F),
                              head.on_face(0, -0.32F, 0.62F),
                              head.on_face(-0.5F, -0.34F, 0.4F)}),
                  id,
                  felt(scene, e.hat_band * 0.8F, 0));
      break;
    case Hat::kBrim:
      canvas.fill(
          Path::ellipse(
              head.rim(0, -0.55F, 0.15F), 1.35F * head.size(), 0.3F * head.size(), head.roll()),
          id,
          felt(scene, e.hat_colour * 0.85F, 0));
      canvas.fill(dome(scene, -0.6F, 0.02F, -1.35F), id, felt(scene, e.hat_colour, 0));
      canvas.fill(band(scene, -0.55F, 0.01F, 0.16F), id, felt(scene, e.hat_band, 0));
      break;
    case Hat::kHeadscarf: {
      // Wraps the face: everything around an oval of the face, down to below the chin.
      const float thick = 0.42F * head.size();
      canvas.fill(Path::stroke({head.rim(0, 1.16F, 0.2F),
                                head.rim(0.55F, 0.95F, 0.1F),
                                head.rim(0.8F, 0.4F),
                                head.rim(0.8F, -0.2F),
                                head.rim(0.62F, -0.72F),
                                head.rim(0, -0.92F, 0.05F),
                                head.rim(-0.62F, -0.72F),
                                head.rim(-0.8F, -0.2F),
                                head.rim(-0.8F, 0.4F),
                                head.rim(-0.55F, 0.95F, 0.1F),
                                head.rim(0, 1.16F, 0.2F)},
                               thick,
                               thick,
                               thick),
                  id,
                  felt(scene, e.hat_colour, 0));
      canvas.fill(Path::blob({head.rim(-0.55F, 0.95F, 0.1F),
                              head.rim(0, 1.12F, 0.2F),
                              head.rim(0.55F, 0.95F, 0.1F),
                              head.body(0.9F, 1.6F),
                              head.body(0, 2.2F),
                              head.body(-0.9F, 1.6F)}),
                  id,
                  felt(scene, e.hat_colour * 0.93F, 0));
      break;
    }
  }
}

void paint_occluder(const Scene& scene) {
  switch (scene.person.extras.occluder) {
    case Occluder::kNone:
      break;
    case Occluder::kHand:
      paint_hand(scene);
      break;
    case Occluder::kObject:
      paint_object(scene);
      break;
  }
}

}  // namespace parsimony::data
