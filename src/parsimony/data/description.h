// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "parsimony/data/dataset.h"
#include "parsimony/data/finding.h"
#include "parsimony/data/image.h"

namespace parsimony::data {

// The parts of a dataset.json that matter for segmentation:
//
//   {"name": "camvid", "classes": ["sky", ...], "ignore_id": 255, "palette": {"0": [128, 128,
//   128]},
//    "mirror_pairs": [["left eye", "right eye"]], "groups": {"eyes": ["left eye", "right eye"]}}
//
// Only `classes` is required. `ignore_id` may be null; `palette` may be a list; `num_classes` is
// checked where present; the `task` "classification" says that each label map holds one class, that
// of its picture; other keys are free. Without `mirror_pairs` the pairs
// come from the names of the classes (data/sides.h); an empty list says that there are none.
struct Description {
  std::string name;
  std::vector<std::string> classes;   // empty when they could not be read
  int ignore_id = LabelMap::kIgnore;  // -1: every pixel counts
  std::vector<Rgb> palette;           // one colour per class
  MirrorPairs mirror_pairs = {};
  std::vector<ClassGroup> groups = {};
  LabelKind label_kind = LabelKind::kPixels;
};

// Reads a dataset.json; what is wrong with it goes to `findings` with its line, and the rest is
// used.
Description read_description(const std::filesystem::path& file, std::vector<Finding>& findings);

// The text of a dataset.json that reads back as `description`.
std::string to_json(const Description& description);

}  // namespace parsimony::data
