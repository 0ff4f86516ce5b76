// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/data/paint.h"
#include "parsimony/data/synth.h"
#include "parsimony/data/synth_person.h"

// A portrait is painted from back to front, layer by layer (synth_portrait in synth.cpp gives the
// order); each layer writes colours and parts (data/synth.h).

namespace parsimony::data {

// Where points of a turned head appear. Coordinates are in half face heights: u to the right, v
// down, z towards the camera; (0, 0) is between the eyes, the chin is at v = 1.
class Head {
 public:
  Head(const HeadPose& pose, float width);

  Point project(float u, float v, float z) const;         // any point, turned with the head
  Point on_face(float u, float v, float lift = 0) const;  // on the rounded front, or above it
  // A point of the outline. The outline of a round head keeps its width when the head turns; only
  // points before or behind the middle of the head, such as the chin, move.
  Point rim(float u, float v, float z = 0) const;
  Point body(float u, float v) const;  // below the head, upright
  // Scene coordinates to (u, v) of the outline.
  Point local(Point scene) const {
    const Point p = (scene - pose_.centre) * (1 / pose_.size);
    return {(cos_roll_ * p.x + sin_roll_ * p.y) / width_, cos_roll_ * p.y - sin_roll_ * p.x};
  }
  float size() const { return pose_.size; }
  float yaw() const { return pose_.yaw; }
  float roll() const { return pose_.roll; }
  float lambert(Point local, const Light& light) const;  // light on a smooth head, 0..1

 private:
  HeadPose pose_;
  float width_;
  float sin_yaw_, cos_yaw_, sin_pitch_, cos_pitch_, sin_roll_, cos_roll_;
};

struct Scene {
  Canvas& canvas;
  const Person& person;
  const Head head;
  const Noise& noise;

  float shade(float lambert) const {
    return person.light.ambient + (1.15F - person.light.ambient) * lambert;
  }
  Color hair_at(Point p, bool falling) const;  // strands run outwards from the crown or fall down
};

constexpr std::uint8_t id_of(Part part) {
  return static_cast<std::uint8_t>(part);
}
constexpr std::uint32_t only(Part part) {
  return 1U << id_of(part);
}

void paint_background(Canvas& canvas, const Noise& noise, core::Rng rng);  // synth_background.cpp
void paint_body(const Scene& scene);                                       // synth_body.cpp
void paint_head(const Scene& scene);  // synth_face.cpp: skin and far ear
void paint_near_ear(const Scene& scene);
void paint_features(const Scene& scene);     // synth_features.cpp: eyes, brows, nose, mouth
void paint_hair_behind(const Scene& scene);  // synth_hair.cpp
void paint_beard(const Scene& scene);
void paint_hair_before(const Scene& scene);
void paint_locks(const Scene& scene);
void paint_glasses(const Scene& scene);  // synth_extras.cpp
void paint_hat_behind(const Scene& scene);
void paint_hat(const Scene& scene);
void paint_occluder(const Scene& scene);

// The skin of this person at a sample, with the relief of the face when `relief` is set.
struct SkinShader {
  const Scene& scene;
  bool relief = true;
  Color operator()(Point p, Color below) const;
};

}  // namespace parsimony::data
