// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "parsimony/core/fields.h"
#include "parsimony/core/rng.h"
#include "parsimony/data/dataset.h"

namespace parsimony::data {

// Procedural pictures with exact labels: the data set that is always there, so that searches,
// tests and examples of every task run with nothing downloaded.
//
// What the labels of portraits mean:
// - skin is face, neck, chest and ears; hair includes beards and moustaches; stubble is skin.
// - lashes belong to the eyes, nostrils to the nose, teeth to the mouth.
// - glasses are looked through: frame and clear lenses keep the part beneath. Dark lenses hide it
//   and are background, like hands and objects held before the face.
// - hats, headscarves, collars and ties are clothes.
enum class Part : std::uint8_t {
  kBackground,
  kSkin,
  kHair,
  kBrows,
  kEyes,
  kNose,
  kMouth,
  kClothes
};
inline constexpr int kPartCount = 8;

// What the pictures show.
enum class SynthScene {
  kPortraits,
  // Whole people with the joints of Leeds Sports Pose (data/skeleton.h), their visibility and area;
  // classes background and person.
  kPeople,
  // Rooms with the depth of every pixel, whole millimetres; classes wall, floor, ceiling and box.
  kRooms,
};
inline constexpr std::array<std::string_view, 3> kSynthSceneNames = {
    "portraits", "people", "rooms"};

struct SynthOptions {
  std::int64_t train = 240;
  std::int64_t val = 40;
  std::int64_t test = 60;
  std::int64_t width = 128;
  std::int64_t height = 128;
  std::int64_t seed = 1;
  // Portraits: 1 is head and shoulders, above is closer to the face. People: 1 is the whole person;
  // above, joints may lie outside the picture. Rooms: times the focal length, 0.9 of the width.
  double zoom = 1;
  // Share of portraits with a hand, an object or dark glasses before the face, and of people with
  // an object before them.
  double occlusion = 0.12;
  SynthScene scene = SynthScene::kPortraits;
  void visit(core::FieldVisitor& v);
};

// One portrait of options.width x options.height; depends on these, options.zoom,
// options.occlusion and `rng` only.
Sample synth_portrait(const SynthOptions& options, core::Rng rng);

// Picture i of a split depends on the seed, the split, i and the options of a picture only: neither
// on the thread count nor on the number of pictures.
MemoryDataset make_synthetic_dataset(const SynthOptions& options, int threads);

}  // namespace parsimony::data
