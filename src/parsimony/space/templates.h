// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "parsimony/core/fields.h"
#include "parsimony/space/space.h"

namespace parsimony::space {

// The template space of Nekrasov, Shen and Reid (Template-Based Automatic Search of Compact
// Semantic Segmentation Architectures, WACV 2020): a few templates of two operations each, and
// blocks that apply a template to two earlier feature maps, several times and at a stride. What the
// choices mean as layers is said in graph/template_decoder.h.

// Operations of a template, in the order of the published token ids.
enum class TemplateOp {
  kSepConv3x3,
  kSepConv5x5,
  kGlobalPool,
  kMaxPool3x3,
  kSepConv5x5Dil6,
  kSkip
};
inline constexpr std::array<std::string_view, 6> kTemplateOpNames = {
    "sep3x3", "sep5x5", "global pool", "max pool 3x3", "sep5x5 d6", "skip"};

// How a template joins the results of its two operations, in the order of the published token ids.
enum class Aggregation { kScaledSum, kConcat };
inline constexpr std::array<std::string_view, 2> kAggregationNames = {"psum", "cat"};

struct Template {
  TemplateOp op1 = TemplateOp::kSkip, op2 = TemplateOp::kSkip;
  Aggregation aggregation = Aggregation::kScaledSum;
  bool operator==(const Template&) const = default;
};

// A block of the decoder. Pool entries 0 and 1 are the encoder taps at strides 4 and 8, entry 2 + b
// is the output of block b.
struct TemplateBlock {
  int first = 0, second = 0;  // pool entries that it reads
  int design = 0;             // which template
  int repeats = 1;            // 1 to 4; its text and token are one less
  bool halves = false;        // whether its operations have stride 2
  bool operator==(const TemplateBlock&) const = default;
};

inline constexpr int kTemplateTaps = 2;
inline constexpr int kMaxTemplateRepeats = 4;

// Only the blocks of the first half, rounded down, can have stride 2; they join maps at the smaller
// one's size, the others at the larger one's.
constexpr int shrinking_blocks(int blocks) {
  return blocks / 2;
}

struct TemplateGenotype {
  std::vector<Template> templates;
  std::vector<TemplateBlock> blocks;
  bool operator==(const TemplateGenotype&) const = default;

  // Blocks that no later block reads; their outputs are concatenated. Ascending.
  std::vector<int> collected_blocks() const;
};

// The published nested list: [[o1, o2, aggregation], ...], [[i, j, template, repeats - 1, stride],
// ...] with stride 0 or 1 (two to that power). Any number of templates and blocks. Throws a user
// error that says where the text stops making sense.
TemplateGenotype parse_template_genotype(std::string_view text);
std::string to_text(const TemplateGenotype& genotype);

struct TemplateSpaceOptions {
  int templates = 3;
  int blocks = 7;
  void visit(core::FieldVisitor& v);
};

// Decisions come in the order in which the published controller takes them, which is the order of
// the text: the templates, then the blocks. Blocks that cannot have stride 2 have a decision on
// their stride too, with one choice, because the published controller steps over it.
class TemplateSpace final : public SearchSpace {
 public:
  explicit TemplateSpace(TemplateSpaceOptions options = {});
  std::string_view name() const override { return "template-decoder"; }
  const std::vector<Decision>& decisions() const override { return decisions_; }
  int warm_up_steps() const override { return kTemplateTaps; }
  std::string text(const Tokens& tokens) const override;
  Tokens parse(std::string_view text) const override;

  TemplateGenotype genotype(const Tokens& tokens) const;
  Tokens tokens(const TemplateGenotype& genotype) const;

 private:
  TemplateSpaceOptions options_;
  std::vector<Decision> decisions_;
};

}  // namespace parsimony::space
