// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parsimony/data/inventory.h"
#include "parsimony/data/split_lists.h"

namespace parsimony::data {

// The poses of a data set in the layout `folder`, one person a picture:
//
//   {"visibility": "coco", "annotations": [
//     {"id": "im00008", "split": "train", "keypoints": [[74.1, 35.2, 2], ...],
//      "head_size": 31.5, "area": 5200}]}
//
// Keypoints are in the order of dataset.json's `keypoint_names`, in pixels, (0, 0) the centre of
// the first pixel; a flat list of three numbers a joint, as COCO has it, is read as well. The third
// number is COCO's with "visibility": "coco" or where a 2 occurs: 0 not labelled, 1 covered, 2
// visible; in files of 0 and 1 only, 1 is visible. Two numbers are a visible joint, null is one
// that is not labelled. `split`, `head_size` and `area` (data/pose.h) may be left out; other keys
// are free.
struct Annotations {
  // By id. A pose without joints is one that was reported.
  std::map<std::string, Pose> poses;
  std::optional<SplitIds> splits;  // where every annotation names its split
};

// What is wrong goes to the inventory's findings.
Annotations read_annotations(const std::filesystem::path& file, Inventory& inventory);

struct NamedPose {
  std::string id;
  std::string_view split;
  Pose pose;
};

// The text of an annotations.json that reads back equal.
std::string annotations_text(const std::vector<NamedPose>& poses);

}  // namespace parsimony::data
