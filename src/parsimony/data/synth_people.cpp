// SPDX-License-Identifier: Apache-2.0
// Whole people with the joints of Leeds Sports Pose. A body is posed in space, in units of its
// height, turned towards or away from the camera and painted from the farthest limb to the nearest,
// so that what a picture shows tells left from right: faces look ahead, hair is behind.
#include <array>
#include <cmath>

#include "parsimony/data/synth_camera.h"
#include "parsimony/data/synth_layers.h"
#include "parsimony/data/synth_scenes.h"

namespace parsimony::data {
namespace {

float between(core::Rng& rng, double low, double high) {
  return static_cast<float>(rng.uniform(low, high));
}

// Numbers of joints in lsp_skeleton(). Left ones follow from right ones by kMirror.
enum JointId { kAnkle = 0, kKnee = 1, kHip = 2, kWrist = 6, kElbow = 7, kShoulder = 8 };
constexpr std::size_t kNeck = 12, kHeadTop = 13, kJoints = 14;

std::size_t id_of(JointId joint, bool left) {
  constexpr std::array<std::size_t, 12> kMirror = {5, 4, 3, 2, 1, 0, 11, 10, 9, 8, 7, 6};
  return left ? kMirror[joint] : static_cast<std::size_t>(joint);
}

// What the samples of the canvas belong to: one number for each visible piece of a body, so that
// joints know whether they are covered.
enum Piece : std::uint8_t {
  kNothing = 0,
  kTorso = 1,
  kHead = 2,
  kUpperLeg = 3,  // right; left is the next
  kLowerLeg = 5,
  kUpperArm = 7,
  kForearm = 9,
  kObject = 11,
};
std::uint8_t piece(Piece right, bool left) {
  return static_cast<std::uint8_t>(right + (left ? 1 : 0));
}

struct Spot {
  float x = 0, y = 0, z = 0;  // right, down, towards the camera; in heights of the body
};

// Shares of a body's height, about those of grown-ups.
constexpr float kHeadHeight = 0.17F, kTrunk = 0.3F;
constexpr float kThigh = 0.25F, kShin = 0.25F, kArm = 0.17F, kLowerArm = 0.16F;
constexpr float kShoulderHalf = 0.105F, kHipHalf = 0.06F;

struct Body {
  std::array<Spot, kJoints> joints;
  float turn = 0;  // radians from facing the camera, towards the right of the picture
  bool shows_face() const { return std::cos(turn) > 0.15F; }
};

// A direction given by how far it leaves the downward one to the person's side and to the front.
struct Swing {
  float side = 0, front = 0;
};

class Poser {
 public:
  explicit Poser(core::Rng& rng) : rng_(rng) {}

  Body draw() {
    const double kind = rng_.uniform();
    Body body;
    body.turn = kind < 0.6 ? between(rng_, -0.7, 0.7) : between(rng_, 0.7, 1.4) * side();
    if (kind > 0.75) body.turn = 3.1416F - 0.5F * body.turn;
    cos_ = std::cos(body.turn), sin_ = std::sin(body.turn);
    lean_ = rng_.chance(0.75) ? between(rng_, -0.2, 0.2) : between(rng_, -0.7, 0.7);

    body.joints[kNeck] = leant({0, -kTrunk, 0});
    body.joints[kHeadTop] = leant(plus({0, -kTrunk, 0},
                                       {between(rng_, -0.25, 0.25), between(rng_, -0.1, 0.3)},
                                       -kHeadHeight,
                                       true));
    for (const bool left : {false, true}) {
      add_leg(body, left);
      add_arm(body, left);
    }
    return body;
  }

 private:
  float side() { return rng_.chance(0.5) ? 1.0F : -1.0F; }

  // From body axes (to the person's left, down, ahead) to picture axes.
  Spot turned(float left, float down, float ahead) const {
    return {left * cos_ + ahead * sin_, down, -left * sin_ + ahead * cos_};
  }
  Spot leant(const Spot& p) const {
    const Point q = rotated({p.x, p.y}, lean_);
    return {q.x, q.y, p.z};
  }

  // `length` along a swing; `left` says which side its side is.
  Spot plus(const Spot& from, Swing swing, float length, bool left) const {
    const float outward = std::sin(swing.side) * (left ? 1.0F : -1.0F);
    const float down = std::cos(swing.side) * std::cos(swing.front);
    const float ahead = std::cos(swing.side) * std::sin(swing.front);
    const Spot step = turned(outward, down, ahead);
    return {from.x + length * step.x, from.y + length * step.y, from.z + length * step.z};
  }

  void add_leg(Body& body, bool left) {
    const float out = left ? kHipHalf : -kHipHalf;
    const Spot hip = turned(out, 0, 0);
    const Swing thigh{between(rng_, -0.05, 0.4), between(rng_, -0.4, rng_.chance(0.2) ? 1.5 : 0.6)};
    const Swing shin{thigh.side * between(rng_, 0, 1),
                     thigh.front - between(rng_, 0, thigh.front > 0.6F ? 1.6 : 0.8)};
    const Spot knee = plus(hip, thigh, kThigh, left);
    body.joints[id_of(kHip, left)] = hip;
    body.joints[id_of(kKnee, left)] = knee;
    body.joints[id_of(kAnkle, left)] = plus(knee, shin, kShin, left);
  }

  void add_arm(Body& body, bool left) {
    const float out = left ? kShoulderHalf : -kShoulderHalf;
    const Spot shoulder = turned(out, -kTrunk + 0.025F, 0);
    const Swing upper{between(rng_, 0.05, rng_.chance(0.3) ? 2.7 : 1.2), between(rng_, -0.5, 1)};
    const Swing lower{upper.side + between(rng_, -0.9, 1.3), upper.front + between(rng_, 0, 1.4)};
    const Spot elbow = plus(shoulder, upper, kArm, left);
    body.joints[id_of(kShoulder, left)] = leant(shoulder);
    body.joints[id_of(kElbow, left)] = leant(elbow);
    body.joints[id_of(kWrist, left)] = leant(plus(elbow, lower, kLowerArm, left));
  }

  core::Rng& rng_;
  float cos_ = 1, sin_ = 0, lean_ = 0;
};

struct Outfit {
  Color skin, hair, shirt, trousers, shoes;
  bool long_sleeves = false, shorts = false;
  float stripes = 0;  // period, heights of the body; 0: plain
  Color stripe;
  float girth = 1;
  float long_hair = 0;
};

Outfit draw_outfit(core::Rng rng) {
  Outfit outfit;
  outfit.skin = draw_skin(rng);
  outfit.hair = draw_hair_colour(rng);
  outfit.shirt = draw_colour(rng);
  outfit.trousers = draw_colour(rng);
  outfit.shoes = rng.chance(0.5) ? Color{0.12F, 0.11F, 0.1F} : draw_colour(rng);
  outfit.long_sleeves = rng.chance(0.4);
  outfit.shorts = rng.chance(0.45);
  outfit.stripes = rng.chance(0.25) ? between(rng, 0.03, 0.08) : 0;
  outfit.stripe = draw_colour(rng);
  outfit.girth = between(rng, 0.85, 1.25);
  outfit.long_hair = rng.chance(0.4) ? between(rng, 0.3, 1) : 0;
  return outfit;
}

class Painter {
 public:
  Painter(Canvas& canvas,
          const Body& body,
          const Outfit& outfit,
          const Noise& noise,
          Point origin,
          float size,
          core::Rng rng)
      : canvas_(canvas),
        body_(body),
        outfit_(outfit),
        noise_(noise),
        origin_(origin),
        size_(size),
        light_(between(rng, -0.6, 0.6)) {}

  void paint() {
    // Turned to the right, the left side is the far one.
    const bool far_left = std::sin(body_.turn) > 0;
    const bool arm_before = body_.joints[id_of(kWrist, far_left)].z > 0.06F;
    if (!arm_before) arm(far_left);
    leg(far_left);
    leg(!far_left);
    torso();
    if (arm_before) arm(far_left);
    head();
    const bool near_behind = body_.joints[id_of(kWrist, !far_left)].z < -0.12F;
    arm(!far_left);
    if (near_behind) {
      torso();
      head();
    }
  }

  Point at(std::size_t joint) const {
    return origin_ + Point{body_.joints[joint].x, body_.joints[joint].y} * size_;
  }

 private:
  float unit(float share) const { return share * size_ * outfit_.girth; }

  // Round pieces are darker towards one side of their axis.
  auto cloth(Color colour, Point a, Point b, float width, bool striped) const {
    const Point along = b - a;
    const float length = std::max(1e-6F, std::hypot(along.x, along.y));
    const Point normal{-along.y / length, along.x / length};
    return [=, this](Point p, Color) {
      const Point q = p - a;
      const float across = (q.x * normal.x + q.y * normal.y) / width;
      const float down = (q.x * along.x + q.y * along.y) / length;
      const float t = outfit_.stripes > 0 ? down / (outfit_.stripes * size_) : 0;
      const bool stripe = striped && outfit_.stripes > 0 && t - std::floor(t) < 0.5F;
      const float round = 1 - 0.5F * across * across + light_ * across * (normal.x < 0 ? -1 : 1);
      const float grain = 1 + 0.12F * noise_.at(p.x * 1.5F, p.y * 1.5F);
      return (stripe ? outfit_.stripe : colour) * std::clamp(round * grain, 0.3F, 1.3F);
    };
  }

  void limb(
      Point a, Point b, float begin, float end, Color colour, std::uint8_t part, bool striped) {
    const Point middle = (a + b) * 0.5F;
    const float bulge = 0.55F * (begin + end);
    canvas_.fill(
        Path::stroke({a, middle, b}, begin, bulge, end), part, cloth(colour, a, b, bulge, striped));
  }

  void leg(bool left) {
    const Point hip = at(id_of(kHip, left)), knee = at(id_of(kKnee, left)),
                ankle = at(id_of(kAnkle, left));
    const std::uint8_t upper = piece(kUpperLeg, left), lower = piece(kLowerLeg, left);
    // Shoes point ahead: to the side as far as the body is turned.
    const Point ahead = Point{std::sin(body_.turn), 0.35F} * (0.06F * size_);
    limb(ankle, ankle + ahead, unit(0.045F), unit(0.04F), outfit_.shoes, lower, false);
    limb(knee,
         ankle,
         unit(0.065F),
         unit(0.042F),
         outfit_.shorts ? outfit_.skin : outfit_.trousers,
         lower,
         false);
    limb(hip, knee, unit(0.1F), unit(0.068F), outfit_.trousers, upper, false);
  }

  void arm(bool left) {
    const Point shoulder = at(id_of(kShoulder, left)), elbow = at(id_of(kElbow, left)),
                wrist = at(id_of(kWrist, left));
    const std::uint8_t upper = piece(kUpperArm, left), lower = piece(kForearm, left);
    const Point beyond = (wrist - elbow) * 0.25F;
    limb(wrist, wrist + beyond, unit(0.035F), unit(0.03F), outfit_.skin, lower, false);
    limb(shoulder, elbow, unit(0.062F), unit(0.05F), outfit_.shirt, upper, true);
    limb(elbow,
         wrist,
         unit(0.048F),
         unit(0.034F),
         outfit_.long_sleeves ? outfit_.shirt : outfit_.skin,
         lower,
         outfit_.long_sleeves);
  }

  void torso() {
    const Point neck = at(kNeck);
    const Point hips = (at(id_of(kHip, false)) + at(id_of(kHip, true))) * 0.5F;
    Path path =
        Path::stroke({neck, (neck + hips) * 0.5F, hips}, unit(0.1F), unit(0.13F), unit(0.12F));
    for (const auto& [joint, width] : {std::pair(kShoulder, 0.07F), std::pair(kHip, 0.09F)}) {
      const Point right = at(id_of(joint, false)), left = at(id_of(joint, true));
      path.add(Path::stroke(
          {right, (right + left) * 0.5F, left}, unit(width), unit(width * 1.15F), unit(width)));
    }
    const Point rs = at(id_of(kShoulder, false)), ls = at(id_of(kShoulder, true));
    const Point rh = at(id_of(kHip, false)), lh = at(id_of(kHip, true));
    path.add(Path::polygon({rs, ls, lh, rh}));
    canvas_.fill(path, kTorso, cloth(outfit_.shirt, neck, hips, unit(0.15F), true));
  }

  void head() {
    const Point neck = at(kNeck), top = at(kHeadTop);
    const Point up = top - neck;
    const float tilt = std::atan2(up.x, -up.y);
    const float radius = 0.5F * 0.74F * kHeadHeight * size_;
    const Point centre = neck + up * 0.62F;
    const float ahead = std::sin(body_.turn);
    const bool face = body_.shows_face();
    const auto hair = cloth(outfit_.hair, neck, top, radius * 2, false);
    const auto skin = cloth(outfit_.skin, neck, top, radius * 2, false);
    const auto place = [&](float u, float v) {
      return centre + rotated({u * radius, v * radius}, tilt);
    };
    limb(neck, neck + up * 0.4F, unit(0.055F), unit(0.05F), outfit_.skin, kHead, false);
    if (outfit_.long_hair > 0 && face) {
      canvas_.fill(
          Path::ellipse(
              place(-0.2F * ahead, 0.45F * outfit_.long_hair), radius, radius * 1.3F, tilt),
          kHead,
          hair);
    }
    // A little above the joint, which is the top of the skull.
    canvas_.fill(Path::ellipse(place(0, -0.02F), radius * 0.84F, radius * 1.07F, tilt),
                 kHead,
                 face ? skin : hair);
    if (!face) {
      canvas_.fill(Path::ellipse(place(0, 0.5F * outfit_.long_hair),
                                 radius * 0.8F,
                                 radius * (1 + 0.3F * outfit_.long_hair),
                                 tilt),
                   kHead,
                   hair);
      return;
    }
    canvas_.fill(Path::ellipse(place(-0.42F * ahead, -0.55F), radius * 0.82F, radius * 0.58F, tilt),
                 kHead,
                 hair);
    const auto dark = [](Point, Color) { return Color{0.1F, 0.08F, 0.08F}; };
    const auto lips = [this](Point, Color) { return outfit_.skin * Color{0.75F, 0.4F, 0.4F}; };
    const float shift = 0.55F * ahead, spread = 0.34F * std::cos(body_.turn);
    for (const float side : {-1.0F, 1.0F}) {
      const float u = shift + side * spread;
      if (std::abs(u) > 0.8F) continue;
      canvas_.fill(
          Path::ellipse(place(u, 0.05F), radius * 0.12F, radius * 0.09F, tilt), kHead, dark);
    }
    canvas_.fill(Path::ellipse(place(shift * 1.1F, 0.58F), radius * 0.22F, radius * 0.07F, tilt),
                 kHead,
                 lips);
    const auto nose = [this](Point, Color) { return outfit_.skin * 0.75F; };
    canvas_.fill(Path::ellipse(place(shift * 1.35F, 0.3F), radius * 0.1F, radius * 0.16F, tilt),
                 kHead,
                 nose);
  }

  Canvas& canvas_;
  const Body& body_;
  const Outfit& outfit_;
  const Noise& noise_;
  Point origin_;
  float size_;
  float light_;
};

// Size and place at which all joints lie in a picture of zoom 1, with room for hands and feet.
struct Placement {
  Point origin;
  float size = 1;
};

Placement place(const Body& body, Point half, core::Rng rng) {
  constexpr float kMargin = 0.09F;
  float left = 0, right = 0, top = 0, bottom = 0;
  for (const Spot& joint : body.joints) {
    left = std::min(left, joint.x - kMargin), right = std::max(right, joint.x + kMargin);
    top = std::min(top, joint.y - kMargin), bottom = std::max(bottom, joint.y + kMargin);
  }
  Placement placement;
  placement.size =
      between(rng, 0.6, 1) * std::min(2 * half.x / (right - left), 2 * half.y / (bottom - top));
  const float slack_x = 2 * half.x - placement.size * (right - left);
  const float slack_y = 2 * half.y - placement.size * (bottom - top);
  placement.origin = {-half.x - placement.size * left + slack_x * between(rng, 0, 1),
                      -half.y - placement.size * top + slack_y * between(rng, 0, 1)};
  return placement;
}

// Something that stands before a part of the person.
void paint_object(Canvas& canvas, const Noise& noise, Point centre, float size, core::Rng rng) {
  const Color colour = draw_colour(rng);
  const float width = size * between(rng, 0.06, 0.16), height = size * between(rng, 0.06, 0.2);
  const Point middle = centre + Point{between(rng, -0.15, 0.15), between(rng, -0.1, 0.4)} * size;
  const Path path = rng.chance(0.5) ? Path::ellipse(middle, width, height)
                                    : Path::polygon({middle + Point{-width, -height},
                                                     middle + Point{width, -height},
                                                     middle + Point{width, height},
                                                     middle + Point{-width, height}});
  canvas.fill(path, kObject, [&](Point p, Color) {
    return colour * (1 + 0.25F * noise.at(p.x, 2 * p.y) - 0.8F * (p.x - middle.x));
  });
}

// The pieces that show a joint.
std::uint32_t shown_by(std::size_t joint) {
  const auto bits = [](std::initializer_list<int> pieces) {
    std::uint32_t set = 0;
    for (const int piece : pieces) set |= 1U << piece;
    return set;
  };
  for (const bool left : {false, true}) {
    if (joint == id_of(kAnkle, left)) return bits({piece(kLowerLeg, left)});
    if (joint == id_of(kKnee, left)) return bits({piece(kLowerLeg, left), piece(kUpperLeg, left)});
    if (joint == id_of(kHip, left)) return bits({piece(kUpperLeg, left), kTorso});
    if (joint == id_of(kWrist, left)) return bits({piece(kForearm, left)});
    if (joint == id_of(kElbow, left)) return bits({piece(kForearm, left), piece(kUpperArm, left)});
    if (joint == id_of(kShoulder, left)) return bits({piece(kUpperArm, left), kTorso});
  }
  return joint == kNeck ? bits({kTorso, kHead}) : bits({kHead});
}

}  // namespace

Sample synth_person(const SynthOptions& options, core::Rng rng) {
  core::Rng pose_rng = rng.split("pose");
  const Body body = Poser(pose_rng).draw();
  const Outfit outfit = draw_outfit(rng.split("outfit"));
  const Noise noise(rng.split("noise"));
  Canvas canvas(options.width, options.height, options.zoom);
  const auto zoom = static_cast<float>(options.zoom);
  const Placement placement =
      place(body, {canvas.right() * zoom, canvas.bottom() * zoom}, rng.split("place"));

  paint_background(canvas, noise, rng.split("background"));
  Painter painter(
      canvas, body, outfit, noise, placement.origin, placement.size, rng.split("light"));
  painter.paint();
  core::Rng object_rng = rng.split("object");
  if (object_rng.chance(options.occlusion))
    paint_object(canvas, noise, placement.origin, placement.size, object_rng.split("shape"));

  Sample sample{.image = photograph(canvas, rng.split("camera")), .labels = canvas.labels()};
  Pose pose;
  for (std::size_t i = 0; i < kJoints; ++i) {
    const Point p = painter.at(i);
    const float x = (p.x + canvas.right()) / canvas.pixel() - 0.5F;
    const float y = (p.y + canvas.bottom()) / canvas.pixel() - 0.5F;
    const auto column = static_cast<std::int64_t>(std::lround(x));
    const auto row = static_cast<std::int64_t>(std::lround(y));
    const bool inside = column >= 0 && row >= 0 && column < options.width && row < options.height;
    const bool shown = inside && (shown_by(i) >> sample.labels.at(column, row) & 1U) != 0;
    pose.joints.push_back({x, y, shown ? Visibility::kVisible : Visibility::kHidden});
  }
  for (std::uint8_t& id : sample.labels.ids) {
    id = id == kNothing || id == kObject ? 0 : 1;
    pose.area += id;
  }
  sample.pose = std::move(pose);
  return sample;
}

}  // namespace parsimony::data
