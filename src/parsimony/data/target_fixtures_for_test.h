// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <filesystem>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "parsimony/data/dataset.h"
#include "parsimony/data/depth_coding.h"
#include "parsimony/data/fixtures_for_test.h"
#include "parsimony/data/matlab_fixtures_for_test.h"
#include "parsimony/data/skeleton.h"

// Small sets with poses and depths.
namespace parsimony::data::testing {

// A floor that goes away from the camera, in whole millimetres from 0.6 to 3 m, with a hole.
inline DepthMap make_depth(std::int64_t width, std::int64_t height, double unit = 1000) {
  DepthMap depth(width, height);
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x)
      depth.at(x, y) = static_cast<float>((3000 - 100 * (y % 24) + x % 7) / unit);
  }
  depth.at(1, 1) = DepthMap::kInvalid;
  return depth;
}

// Joints on a slant line within a picture, of which one is covered and one not labelled.
inline Pose make_pose(std::int64_t width, std::int64_t height, std::size_t joints = 14) {
  Pose pose;
  for (std::size_t i = 0; i < joints; ++i) {
    const float t = (static_cast<float>(i) + 0.25F) / static_cast<float>(joints);
    pose.joints.push_back({t * static_cast<float>(width - 1),
                           (1 - t) * static_cast<float>(height - 1),
                           Visibility::kVisible});
  }
  pose.joints[1].visibility = Visibility::kHidden;
  pose.joints[2] = {};
  return pose;
}

inline DatasetInfo pose_info() {
  return {.name = "people",
          .format = "memory",
          .classes = {},
          .palette = {},
          .targets = {Target::kPose},
          .skeleton = lsp_skeleton()};
}

inline DatasetInfo depth_info(double scale = 1000) {
  return {.name = "rooms",
          .format = "memory",
          .classes = {},
          .palette = {},
          .targets = {Target::kDepth},
          .depth_scale = scale};
}

inline std::string ids_text(char prefix, int count) {
  std::string ids;
  for (int i = 0; i < count; ++i) ids += fmt::format("{}{}\n", prefix, i);
  return ids;
}

inline std::vector<std::string> target_set_ids() {
  return {"t0", "t1", "t2", "t3", "v0", "v1", "e0", "e1"};
}

inline void make_pictures(const std::filesystem::path& root) {
  std::uint64_t seed = 500;
  for (const std::string& id : target_set_ids())
    write_png(root / "images" / (id + ".png"), make_image(kSide, kSide, ++seed));
  store(root / "train.txt", ids_text('t', 4));
  store(root / "val.txt", ids_text('v', 2));
  store(root / "test.txt", ids_text('e', 2));
}

inline std::string keypoints_text(const Pose& pose) {
  std::string text;
  for (const Joint& joint : pose.joints) {
    text += fmt::format("{}[{}, {}, {}]",
                        text.empty() ? "" : ", ",
                        joint.x,
                        joint.y,
                        static_cast<int>(joint.visibility));
  }
  return "[" + text + "]";
}

// The annotations of the set below, the one of `id` with these keypoints and `more` after them.
inline std::string annotations_with(const std::string& id,
                                    const std::string& keypoints,
                                    const std::string& more = "") {
  std::string entries;
  for (const std::string& other : target_set_ids()) {
    entries += fmt::format("{}{{\"id\": \"{}\", \"keypoints\": {}{}}}",
                           entries.empty() ? "" : ",\n",
                           other,
                           other == id ? keypoints : keypoints_text(make_pose(kSide, kSide)),
                           other == id ? more : "");
  }
  return "{\"annotations\": [\n" + entries + "\n]}\n";
}

inline constexpr const char* kPoseDescription = R"({"name": "people", "task": "human_pose",
 "keypoint_names": ["right_ankle", "right_knee", "right_hip", "left_hip", "left_knee",
  "left_ankle", "right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow",
  "left_wrist", "neck", "head_top"],
 "skeleton": [[0, 1], ["neck", "head_top"]]})";

// A faultless set of poses in the layout "folder" with the ids t0.. v0.. e0..
inline void make_pose_set(const std::filesystem::path& root) {
  make_pictures(root);
  store(root / "annotations.json",
        annotations_with("t0", keypoints_text(make_pose(kSide, kSide)), ", \"head_size\": 5.5"));
  store(root / "dataset.json", kPoseDescription);
}

// A faultless set of depths in centimetres.
inline void make_depth_set(const std::filesystem::path& root) {
  make_pictures(root);
  for (const std::string& id : target_set_ids())
    write_depth_png(root / "far" / (id + ".png"), make_depth(kSide, kSide), 100);
  store(root / "dataset.json",
        R"({"name": "rooms", "task": "depth_estimation",
            "depth": {"folder": "far", "scale": 100, "invalid": 0}})");
}

// All targets at once.
inline void make_full_set(const std::filesystem::path& root) {
  make_pose_set(root);
  make_depth_set(root);
  for (const std::string& id : target_set_ids())
    store_gray(root / "labels" / (id + ".png"), make_labels(kSide, kSide, 3));
  std::string json = kPoseDescription;
  json.replace(json.find("\"human_pose\""),
               12,
               R"("human_pose", "classes": ["ground", "tree", "car"],
                  "depth": {"folder": "far", "scale": 100})");
  store(root / "dataset.json", json);
}

// People of MPII as its usual validation split describes them: one joint less than all, all counted
// from 1. The first picture of train shows two people.
struct MpiiPerson {
  std::string image;
  double x = 0, y = 0, scale = 0;
};

inline std::string mpii_text(const std::vector<MpiiPerson>& people) {
  std::string text;
  for (const MpiiPerson& person : people) {
    std::string joints, visible;
    for (int i = 0; i < 16; ++i) {
      joints += fmt::format("{}[{}, {}]", i == 0 ? "" : ", ", person.x + i - 8, person.y + i - 8);
      visible += fmt::format("{}{}", i == 0 ? "" : ", ", i == 3 ? 0 : 1);
    }
    text += fmt::format(
        R"({}{{"image": "{}", "center": [{}, {}], "scale": {}, "joints": [{}], "joints_vis": [{}]}})",
        text.empty() ? "" : ",\n",
        person.image,
        person.x,
        person.y,
        person.scale,
        joints,
        visible);
  }
  return "[" + text + "]";
}

inline void make_mpii_set(const std::filesystem::path& root) {
  std::uint64_t seed = 900;
  for (const char* name : {"1.jpg", "2.jpg", "3.jpg"})
    write_jpeg(root / "images" / name, make_image(100, 80, ++seed), 95);
  // A height of 200 * 0.2 * 1.25 = 50 pixels; the last has no scale.
  store(root / "annot/train.json",
        mpii_text({{"1.jpg", 41, 38, 0.2},
                   {"1.jpg", 71, 48, 0.2},
                   {"2.jpg", 11, 15, 0.2},
                   {"2.jpg", 50, 50, -1}}));
  store(root / "annot/valid.json", mpii_text({{"3.jpg", 90, 60, 0.2}}));
}

// The joints of a picture of Leeds Sports Pose.
inline Pose lsp_pose(std::int64_t picture) {
  Pose pose = make_pose(kSide, kSide);
  for (Joint& joint : pose.joints) joint.x += static_cast<float>(picture % 3);
  return pose;
}

inline void make_lspet_set(const std::filesystem::path& root) {
  constexpr std::int64_t kPictures = 20;
  std::vector<double> values;
  for (std::int64_t i = 0; i < kPictures; ++i) {
    write_jpeg(root / fmt::format("images/im{:05}.jpg", i + 1),
               make_image(kSide, kSide, 40 + static_cast<std::uint64_t>(i)),
               95);
    const Pose pose = lsp_pose(i);
    for (const Joint& joint : pose.joints) values.push_back(joint.x);
    for (const Joint& joint : pose.joints) values.push_back(joint.y);
    for (const Joint& joint : pose.joints)
      values.push_back(joint.visibility == Visibility::kVisible ? 1 : 0);
  }
  store_matlab(root / "joints.mat",
               "joints",
               values,
               {.dims = {14, 3, kPictures}, .compression = MAT_COMPRESSION_ZLIB});
}

inline void make_lsp_set(const std::filesystem::path& root, std::int64_t pictures = 1003) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < pictures; ++i) {
    for (const Joint& joint : lsp_pose(i).joints) {
      values.push_back(joint.x);
      values.push_back(joint.y);
      values.push_back(joint.visibility == Visibility::kVisible ? 0 : 1);
    }
    const Image image = make_image(8, 8, static_cast<std::uint64_t>(i));
    write_png(root / fmt::format("images/im{:04}.png", i + 1), image);
  }
  store_matlab(
      root / "joints.mat", "joints", values, {.dims = {3, 14, static_cast<std::size_t>(pictures)}});
}

inline void make_nyu_set(const std::filesystem::path& base) {
  std::uint64_t seed = 300;
  for (const auto& [split, scene, count] : {std::tuple("train", "kitchen", 5),
                                            std::tuple("train", "office_0001", 5),
                                            std::tuple("test", "kitchen", 2)}) {
    for (int i = 0; i < count; ++i) {
      const std::string number =
          fmt::format("{:05}", i + (std::string_view(split) == "test" ? 500 : 0));
      const std::filesystem::path folder = base / split / scene;
      write_jpeg(folder / ("rgb_" + number + ".jpg"), make_image(kSide, kSide, ++seed), 95);
      write_depth_png(folder / ("sync_depth_" + number + ".png"), make_depth(kSide, kSide), 1000);
    }
  }
}

}  // namespace parsimony::data::testing
