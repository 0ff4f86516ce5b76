// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "parsimony/data/dataset.h"
#include "parsimony/data/depth_coding.h"
#include "parsimony/data/finding.h"
#include "parsimony/data/image.h"

namespace parsimony::data {

// Where a data set keeps its depth maps, and what their numbers mean.
struct DepthDescription {
  std::string folder = "depth";  // beside dataset.json
  DepthCoding coding;
};

// The parts of a dataset.json that matter:
//
//   {"name": "camvid", "classes": ["sky", ...], "ignore_id": 255, "palette": {"0": [128, 128,
//   128]},
//    "mirror_pairs": [["left eye", "right eye"]], "groups": {"eyes": ["left eye", "right eye"]}}
//
//   {"name": "people", "keypoint_names": ["left_hip", "right_hip", ...], "skeleton": [[0, 1], ...],
//    "flip_pairs": [[0, 1], ...], "torso": [9, 2], "head": [12, 13], "spreads": [0.1, ...],
//    "unscored": [6, 7]}
//
//   {"name": "rooms", "depth": {"folder": "depth", "scale": 1000, "invalid": 0}}
//
// `classes`, `keypoint_names` and `depth` say what the set is labelled with; one of them is
// required, and a set may have several. `task` or `tasks` is checked against them where present;
// the task "classification" says that each label map holds one class, that of its picture. Other
// keys are free.
//
// Classes: `ignore_id` may be null; `palette` may be a list; `num_classes` is checked where
// present. Without `mirror_pairs` the pairs come from the names of the classes (data/sides.h); an
// empty list says that there are none. Poses: joints are given by their number, from 0, or their
// name. Without `flip_pairs` the pairs come from names; torso, head and COCO's spreads too
// (data/skeleton.h). Depth: `scale` is the numbers of a file per metre; `invalid` the number of
// pixels without a depth.
struct Description {
  std::string name;
  TargetSet targets = {Target::kClasses};
  std::vector<std::string> classes;   // empty when they could not be read
  int ignore_id = LabelMap::kIgnore;  // -1: every pixel counts
  std::vector<Rgb> palette;           // one colour per class
  MirrorPairs mirror_pairs = {};
  std::vector<ClassGroup> groups = {};
  LabelKind label_kind = LabelKind::kPixels;
  Skeleton skeleton = {};
  DepthDescription depth = {};
};

// Reads a dataset.json; what is wrong with it goes to `findings` with its line, and the rest is
// used.
Description read_description(const std::filesystem::path& file, std::vector<Finding>& findings);

// The text of a dataset.json that reads back as `description`.
std::string to_json(const Description& description);

}  // namespace parsimony::data
