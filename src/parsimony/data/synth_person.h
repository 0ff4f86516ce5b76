// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/core/rng.h"
#include "parsimony/data/paint.h"

// What a synthetic portrait shows, drawn at random before anything is painted (data/synth.h).
// Lengths are in half face heights: the head reaches from -1 (crown) to 1 (chin), the eyes lie at
// 0.

namespace parsimony::data {

struct Light {
  float x = 0, y = 0,
        z = 1;  // direction to the light: right, down, towards the camera; unit length
  float ambient = 0.5F;
};

struct HeadPose {
  Point centre;                        // scene coordinates of the middle of the head
  float size = 1;                      // half face height in scene units
  float yaw = 0, pitch = 0, roll = 0;  // radians; positive: towards the right, down, clockwise
};

struct Face {
  Color skin, lips, iris;
  float width = 1, jaw = 1, chin = 0.2F;
  float age = 0;  // 0..1: shadows under the eyes, folds, lines
  float freckles = 0;
  float blush = 0;
  float eye_distance = 0.32F, eye_size = 0.15F, eye_open = 0.4F, eye_tilt = 0, eye_shadow = 0;
  Point gaze;
  float brow_thickness = 0.05F, brow_height = 0.22F, brow_arch = 0.05F, brow_tilt = 0;
  Color brow;
  float nose_width = 1, nose_length = 0.44F;
  float mouth_width = 0.26F, mouth_height = 0.6F, lip_upper = 0.05F, lip_lower = 0.06F;
  float smile = 0, mouth_open = 0, teeth = 0;
  float ear_size = 1;
};

enum class Beard { kNone, kStubble, kMoustache, kGoatee, kFull };

struct Hair {
  Color colour, streak;
  float streaks = 0;
  bool cap = true;                 // false: bald
  bool sides_only = false;         // hair around a bald crown
  float top = 0.1F, side = 0.06F;  // how far it stands off the head
  float hairline = -0.58F, peak = 0, part_shift = 0;
  float fringe = 0, fringe_slant = 0;  // how far it falls over the forehead
  float length = 0;                    // 0: above the shoulders; else how far down it falls
  float spread = 0;                    // how much wider it is down there
  bool locks_in_front = false;
  float curl = 0, curl_frequency = 9;  // bumps of the outline
  float bun = 0;
  float ponytail = 0;  // sign: side
  float shine = 0.3F;
  Beard beard = Beard::kNone;
  float beard_length = 0.05F;
};

enum class Neckline { kCrew, kVee, kCollar, kTurtle, kTank, kHood };
enum class Pattern { kPlain, kStripes, kChecks, kDots, kNoise };

struct Clothes {
  Neckline neckline = Neckline::kCrew;
  Pattern pattern = Pattern::kPlain;
  Color colour, second;
  float pattern_size = 0.2F, pattern_angle = 0;
  bool tie = false, scarf = false;
  float shoulders = 1, neck_width = 1, sway = 0;
};

enum class Hat { kNone, kBeanie, kCap, kBrim, kHeadscarf };
enum class Glasses { kNone, kClear, kDark };
enum class Occluder { kNone, kHand, kObject };

struct Extras {
  Hat hat = Hat::kNone;
  Color hat_colour, hat_band;
  Glasses glasses = Glasses::kNone;
  float glasses_round = 0.5F, glasses_size = 1, frame_width = 0.025F;
  Color frame;
  Occluder occluder = Occluder::kNone;
  float occluder_side = 1;
  Color object;
};

struct Person {
  HeadPose pose;
  Light light;
  Face face;
  Hair hair;
  Clothes clothes;
  Extras extras;
};

Person draw_person(double occlusion, core::Rng rng);

// Helpers that the background shares: a skin tone over the full human range, a natural hair colour,
// and any colour.
Color draw_skin(core::Rng& rng);
Color draw_hair_colour(core::Rng& rng);
Color draw_colour(core::Rng& rng);

}  // namespace parsimony::data
