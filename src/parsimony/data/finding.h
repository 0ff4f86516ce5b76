// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace parsimony::data {

// What can be wrong with a data set. The names (name_of) are part of `check --json`.
enum class FindingKind {
  kMalformedDescription,  // dataset.json
  kNoLabelMaps,           // a data set of a task that is not known
  kEmptySplit,
  kDuplicateId,       // listed twice
  kAmbiguousFile,     // two files for one id
  kMalformedList,     // a line of a list or table that cannot be read
  kNoOfficialSplit,   // the files that hold the set's own split are not there
  kListedButMissing,  // neither picture nor label of a listed id exists
  kMissingImage,
  kMissingLabel,
  kMissingDepth,
  kMissingPose,
  kUnlistedFile,
  kUnknownPart,  // a part file whose name is no class of the set
  kUnreadableImage,
  kUnreadableLabel,
  kSizeMismatch,
  kLabelOutOfRange,
  kMask0255,         // 0/255 mask where 255 means ignore
  kOffByOneClasses,  // ids reach exactly one past the last class
  kPaletteExpanded,  // label in RGB, in the colours of the palette
  kRgbMask,          // label in RGB, in other colours
  kGrayAsRgb,        // label in RGB with equal channels
  kUnknownColours,   // colour-coded label with colours outside its table
  kSixteenBitMask,
  kAllIgnoreLabel,
  kTooManyClasses,  // more than ids
  kUnknownClass,    // a class of val or test that train does not have
  kEmptyClass,      // no pixel in train
  kClassMissingInSplit,
  kMixedLabel,       // several classes in a label map that is one picture's class
  kSparseIds,        // inferred classes with holes
  kMalformedPose,    // an annotation that cannot be read
  kWrongJointCount,  // other joints than the skeleton's
  kNonFiniteJoint,   // labelled, but nowhere
  kNoJoints,         // nothing of a person is labelled
  kJointOutside,     // of the picture
  kUnpairedSides,    // left and right joints that a mirror would not swap
  kSwappedSides,     // shoulders and hips that cannot be of one body
  kUnreadableDepth,
  kCoarseDepth,  // 8 bit
  kDepthUnit,    // the scale cannot be right
  kAllInvalidDepth,
  kDuplicateAcrossSplits,
  kDuplicateWithinSplit,
};

enum class Severity {
  kNote,     // worth knowing; nothing to mend
  kWarning,  // works, and probably not as intended
  kError,    // reading fails, or results would be wrong
};

// One thing that is wrong with a data set, where, and how to mend it.
struct Finding {
  FindingKind kind;
  Severity severity = Severity::kError;
  std::string file;    // relative to the root of the set; empty when it concerns the whole set
  std::string detail;  // what was found, with values and counts
  std::string remedy;
};

std::string_view name_of(FindingKind kind);   // "label-out-of-range"
std::string_view name_of(Severity severity);  // "error", "warning", "note"

}  // namespace parsimony::data
