// SPDX-License-Identifier: Apache-2.0
#include "parsimony/space/templates.h"

#include "parsimony/core/error.h"
#include "parsimony/space/decoder_pool.h"
#include "parsimony/space/list_reader.h"

namespace parsimony::space {
namespace {

constexpr int kOps = static_cast<int>(kTemplateOpNames.size());
constexpr int kAggregations = static_cast<int>(kAggregationNames.size());
constexpr int kStrides = 2;
constexpr std::string_view kForm =
    "[[[o1,o2,aggregation], ...], [[i,j,template,repeats-1,stride], ...]]";
constexpr std::string_view kPool =
    "entries of the decoder pool (2 encoder taps and the blocks before)";

Template read_template(ListReader& reader) {
  Template design;
  reader.expect('[');
  design.op1 = static_cast<TemplateOp>(reader.code(kOps, "operation", "operations"));
  reader.expect(',');
  design.op2 = static_cast<TemplateOp>(reader.code(kOps, "operation", "operations"));
  reader.expect(',');
  design.aggregation =
      static_cast<Aggregation>(reader.code(kAggregations, "aggregation", "aggregations"));
  reader.expect(']');
  return design;
}

TemplateBlock read_block(ListReader& reader, int pool, int templates) {
  TemplateBlock block;
  reader.expect('[');
  block.first = reader.index(pool, kPool);
  reader.expect(',');
  block.second = reader.index(pool, kPool);
  reader.expect(',');
  block.design = reader.index(templates, "templates");
  reader.expect(',');
  block.repeats =
      1 + reader.code(kMaxTemplateRepeats, "number of repeats", "codes for 1 to 4 repeats");
  reader.expect(',');
  block.halves = reader.code(kStrides, "stride", "codes for the strides 1 and 2") == 1;
  reader.expect(']');
  return block;
}

// Tokens in the order of the text, which is that of the space's decisions.
Tokens flat(const TemplateGenotype& genotype) {
  Tokens tokens;
  for (const Template& design : genotype.templates) {
    tokens.insert(tokens.end(),
                  {static_cast<int>(design.op1),
                   static_cast<int>(design.op2),
                   static_cast<int>(design.aggregation)});
  }
  for (const TemplateBlock& block : genotype.blocks) {
    tokens.insert(
        tokens.end(),
        {block.first, block.second, block.design, block.repeats - 1, block.halves ? 1 : 0});
  }
  return tokens;
}

}  // namespace

std::vector<int> TemplateGenotype::collected_blocks() const {
  return unread_blocks(blocks, kTemplateTaps);
}

TemplateGenotype parse_template_genotype(std::string_view text) {
  ListReader reader(text, kForm);
  TemplateGenotype genotype;
  reader.expect('[');
  reader.list([&] { genotype.templates.push_back(read_template(reader)); });
  reader.expect(',');
  const auto templates = static_cast<int>(genotype.templates.size());
  reader.list([&] {
    genotype.blocks.push_back(
        read_block(reader, kTemplateTaps + static_cast<int>(genotype.blocks.size()), templates));
  });
  reader.expect(']');
  reader.expect_end();

  const auto blocks = static_cast<int>(genotype.blocks.size());
  for (int b = shrinking_blocks(blocks); b < blocks; ++b) {
    if (!genotype.blocks[static_cast<std::size_t>(b)].halves) continue;
    core::throw_user_error(
        "genotype '{}': block {} has stride 2, but of {} blocks only the first {} can; expected stride "
        "code 0",
        text,
        b,
        blocks,
        shrinking_blocks(blocks));
  }
  return genotype;
}

std::string to_text(const TemplateGenotype& genotype) {
  const Tokens tokens = flat(genotype);
  auto next = tokens.begin();
  const auto lists = [&next](std::size_t count, std::ptrdiff_t length) {
    std::vector<std::string> parts;
    for (std::size_t i = 0; i < count; ++i) {
      parts.push_back(fmt::format("[{}]", fmt::join(next, next + length, ",")));
      next += length;
    }
    return fmt::format("[{}]", fmt::join(parts, ","));
  };
  const std::string templates = lists(genotype.templates.size(), 3);
  return fmt::format("[{},{}]", templates, lists(genotype.blocks.size(), 5));
}

void TemplateSpaceOptions::visit(core::FieldVisitor& v) {
  v.field("templates", templates, {"templates that blocks choose from", 1, 16});
  v.field("blocks", blocks, {"blocks of the decoder", 1, 16});
}

TemplateSpace::TemplateSpace(TemplateSpaceOptions options) : options_(options) {
  for (int t = 0; t < options_.templates; ++t) {
    for (const char* op : {"op1", "op2"})
      decisions_.push_back({fmt::format("template.{}.{}", t, op), "op", kOps});
    decisions_.push_back({fmt::format("template.{}.aggregation", t), "aggregation", kAggregations});
  }
  for (int b = 0; b < options_.blocks; ++b) {
    const auto decide = [&](const char* what, const char* head, int choices, bool ordered = false) {
      decisions_.push_back({fmt::format("block.{}.{}", b, what), head, choices, ordered});
    };
    for (const char* side : {"first", "second"}) {
      const std::string name = fmt::format("block.{}.{}", b, side);
      decisions_.push_back({name, name, kTemplateTaps + b});
    }
    decide("template", "template", options_.templates);
    decide("repeats", "repeats", kMaxTemplateRepeats, true);
    const bool shrinks = b < shrinking_blocks(options_.blocks);
    decide("stride", shrinks ? "stride" : "fixed stride", shrinks ? kStrides : 1);
  }
}

TemplateGenotype TemplateSpace::genotype(const Tokens& tokens) const {
  check(*this, tokens);
  TemplateGenotype genotype;
  auto next = tokens.begin();
  const auto take = [&next] { return *next++; };
  for (int t = 0; t < options_.templates; ++t) {
    Template& design = genotype.templates.emplace_back();
    design.op1 = static_cast<TemplateOp>(take());
    design.op2 = static_cast<TemplateOp>(take());
    design.aggregation = static_cast<Aggregation>(take());
  }
  for (int b = 0; b < options_.blocks; ++b) {
    TemplateBlock& block = genotype.blocks.emplace_back();
    block.first = take();
    block.second = take();
    block.design = take();
    block.repeats = 1 + take();
    block.halves = take() == 1;
  }
  return genotype;
}

Tokens TemplateSpace::tokens(const TemplateGenotype& genotype) const {
  if (static_cast<int>(genotype.templates.size()) != options_.templates ||
      static_cast<int>(genotype.blocks.size()) != options_.blocks) {
    core::throw_user_error("genotype {} has {} templates and {} blocks; the space has {} and {}",
                           to_text(genotype),
                           genotype.templates.size(),
                           genotype.blocks.size(),
                           options_.templates,
                           options_.blocks);
  }
  const Tokens tokens = flat(genotype);
  check(*this, tokens);
  return tokens;
}

std::string TemplateSpace::text(const Tokens& tokens) const {
  return to_text(genotype(tokens));
}

Tokens TemplateSpace::parse(std::string_view text) const {
  return tokens(parse_template_genotype(text));
}

}  // namespace parsimony::space
