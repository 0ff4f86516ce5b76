// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/finding.h"

#include "parsimony/core/error.h"

namespace parsimony::data {

std::string_view name_of(FindingKind kind) {
  switch (kind) {
    case FindingKind::kMalformedDescription:
      return "malformed-description";
    case FindingKind::kNoLabelMaps:
      return "no-label-maps";
    case FindingKind::kEmptySplit:
      return "empty-split";
    case FindingKind::kDuplicateId:
      return "duplicate-id";
    case FindingKind::kAmbiguousFile:
      return "ambiguous-file";
    case FindingKind::kMalformedList:
      return "malformed-list";
    case FindingKind::kNoOfficialSplit:
      return "no-official-split";
    case FindingKind::kListedButMissing:
      return "listed-but-missing";
    case FindingKind::kMissingImage:
      return "missing-image";
    case FindingKind::kMissingLabel:
      return "missing-label";
    case FindingKind::kMissingDepth:
      return "missing-depth";
    case FindingKind::kMissingPose:
      return "missing-pose";
    case FindingKind::kUnlistedFile:
      return "unlisted-file";
    case FindingKind::kUnknownPart:
      return "unknown-part";
    case FindingKind::kUnreadableImage:
      return "unreadable-image";
    case FindingKind::kUnreadableLabel:
      return "unreadable-label";
    case FindingKind::kSizeMismatch:
      return "size-mismatch";
    case FindingKind::kLabelOutOfRange:
      return "label-out-of-range";
    case FindingKind::kMask0255:
      return "mask-0-255";
    case FindingKind::kOffByOneClasses:
      return "off-by-one-classes";
    case FindingKind::kPaletteExpanded:
      return "palette-expanded";
    case FindingKind::kRgbMask:
      return "rgb-mask";
    case FindingKind::kGrayAsRgb:
      return "gray-as-rgb";
    case FindingKind::kUnknownColours:
      return "unknown-colours";
    case FindingKind::kSixteenBitMask:
      return "16-bit-mask";
    case FindingKind::kAllIgnoreLabel:
      return "all-ignore-label";
    case FindingKind::kTooManyClasses:
      return "too-many-classes";
    case FindingKind::kUnknownClass:
      return "unknown-class";
    case FindingKind::kEmptyClass:
      return "empty-class";
    case FindingKind::kClassMissingInSplit:
      return "class-missing-in-split";
    case FindingKind::kMixedLabel:
      return "mixed-label";
    case FindingKind::kSparseIds:
      return "sparse-ids";
    case FindingKind::kMalformedPose:
      return "malformed-pose";
    case FindingKind::kWrongJointCount:
      return "wrong-joint-count";
    case FindingKind::kNonFiniteJoint:
      return "non-finite-joint";
    case FindingKind::kNoJoints:
      return "no-joints";
    case FindingKind::kJointOutside:
      return "joint-outside";
    case FindingKind::kUnpairedSides:
      return "unpaired-sides";
    case FindingKind::kSwappedSides:
      return "swapped-sides";
    case FindingKind::kUnreadableDepth:
      return "unreadable-depth";
    case FindingKind::kCoarseDepth:
      return "8-bit-depth";
    case FindingKind::kDepthUnit:
      return "depth-unit";
    case FindingKind::kAllInvalidDepth:
      return "all-invalid-depth";
    case FindingKind::kDuplicateAcrossSplits:
      return "duplicate-across-splits";
    case FindingKind::kDuplicateWithinSplit:
      return "duplicate-within-split";
  }
  core::throw_internal_error("unknown kind of finding {}", static_cast<int>(kind));
}

std::string_view name_of(Severity severity) {
  switch (severity) {
    case Severity::kNote:
      return "note";
    case Severity::kWarning:
      return "warning";
    case Severity::kError:
      return "error";
  }
  core::throw_internal_error("unknown severity {}", static_cast<int>(severity));
}

}  // namespace parsimony::data
