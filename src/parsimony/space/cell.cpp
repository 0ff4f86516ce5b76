// SPDX-License-Identifier: Apache-2.0
#include "parsimony/space/cell.h"

#include "parsimony/core/error.h"
#include "parsimony/space/decoder_pool.h"
#include "parsimony/space/list_reader.h"

namespace parsimony::space {
namespace {

constexpr int kOps = static_cast<int>(kCellOpNames.size());
constexpr int kFeaturesPerLayer = 3;

constexpr std::string_view kForm = "[[op, [p1,p2,o1,o2], ...], [[i,j], ...]]";
constexpr std::string_view kPool =
    "entries of the decoder pool (4 encoder taps and the blocks before)";

CellOp read_op(ListReader& reader, std::string_view what) {
  return static_cast<CellOp>(reader.code(kOps, what, "operations"));
}

CellLayer read_layer(ListReader& reader, int features) {
  CellLayer layer;
  reader.expect('[');
  layer.position1 = reader.index(features, "features of the cell");
  reader.expect(',');
  layer.position2 = reader.index(features, "features of the cell");
  reader.expect(',');
  layer.op1 = read_op(reader, "operation");
  reader.expect(',');
  layer.op2 = read_op(reader, "operation");
  reader.expect(']');
  return layer;
}

BlockInputs read_block(ListReader& reader, int pool) {
  BlockInputs inputs;
  reader.expect('[');
  inputs.first = reader.index(pool, kPool);
  reader.expect(',');
  inputs.second = reader.index(pool, kPool);
  reader.expect(']');
  return inputs;
}

}  // namespace

std::vector<int> CellGenotype::cell_outputs() const {
  std::vector<bool> read(2 + kFeaturesPerLayer * layers.size(), false);
  for (const CellLayer& layer : layers) {
    read[static_cast<std::size_t>(layer.position1)] = true;
    read[static_cast<std::size_t>(layer.position2)] = true;
  }
  std::vector<int> outputs;
  for (std::size_t feature = 1; feature < read.size(); feature += kFeaturesPerLayer) {
    if (!read[feature]) outputs.push_back(static_cast<int>(feature));
  }
  return outputs;
}

std::vector<int> CellGenotype::collected_blocks() const {
  return unread_blocks(blocks, kEncoderTaps);
}

CellGenotype parse_cell_genotype(std::string_view text) {
  ListReader reader(text, kForm);
  CellGenotype genotype;
  reader.expect('[');
  reader.expect('[');
  genotype.first_op = read_op(reader, "first operation");
  int features = 2;
  while (reader.accept(',')) {
    genotype.layers.push_back(read_layer(reader, features));
    features += kFeaturesPerLayer;
  }
  reader.expect(']');
  reader.expect(',');
  reader.list([&] {
    genotype.blocks.push_back(
        read_block(reader, kEncoderTaps + static_cast<int>(genotype.blocks.size())));
  });
  reader.expect(']');
  reader.expect_end();
  return genotype;
}

std::string to_text(const CellGenotype& genotype) {
  std::string out = fmt::format("[[{}", static_cast<int>(genotype.first_op));
  for (const CellLayer& layer : genotype.layers) {
    out += fmt::format(",[{},{},{},{}]",
                       layer.position1,
                       layer.position2,
                       static_cast<int>(layer.op1),
                       static_cast<int>(layer.op2));
  }
  out += "],[";
  for (std::size_t b = 0; b < genotype.blocks.size(); ++b) {
    out += fmt::format(
        "{}[{},{}]", b == 0 ? "" : ",", genotype.blocks[b].first, genotype.blocks[b].second);
  }
  return out + "]]";
}

std::vector<int> action_vector(const CellGenotype& genotype) {
  std::vector<int> actions = {0, static_cast<int>(genotype.first_op)};
  for (const CellLayer& layer : genotype.layers) {
    actions.insert(actions.end(),
                   {layer.position1,
                    layer.position2,
                    static_cast<int>(layer.op1),
                    static_cast<int>(layer.op2)});
  }
  for (const BlockInputs& block : genotype.blocks)
    actions.insert(actions.end(), {block.first, block.second});
  return actions;
}

void CellSpaceOptions::visit(core::FieldVisitor& v) {
  v.field("blocks", blocks, {"blocks of the decoder", 1, 16});
  v.field("cell_layers", cell_layers, {"layers of the cell, the first operation included", 1, 16});
  v.choice(
      "positions",
      positions,
      kPositionRuleNames,
      {"which earlier features a cell layer may read: all, or as after the reference code's refactoring"});
}

CellSpace::CellSpace(CellSpaceOptions options) : options_(options) {
  for (int block = 0; block < options_.blocks; ++block) {
    for (const char* side : {"first", "second"}) {
      const std::string name = fmt::format("block.{}.{}", block, side);
      decisions_.push_back({name, name, kEncoderTaps + block});
    }
  }
  decisions_.push_back({"cell.0.op", "op", kOps});
  for (int layer = 1; layer < options_.cell_layers; ++layer) {
    const int features = 2 + kFeaturesPerLayer * (layer - 1);
    const int readable = options_.positions == PositionRule::kAllEarlier ? features : features - 1;
    for (const char* position : {"position1", "position2"}) {
      const std::string name = fmt::format("cell.{}.{}", layer, position);
      decisions_.push_back({name, name, readable});
    }
    for (const char* op : {"op1", "op2"})
      decisions_.push_back({fmt::format("cell.{}.{}", layer, op), "op", kOps});
  }
}

CellGenotype CellSpace::genotype(const Tokens& tokens) const {
  check(*this, tokens);
  CellGenotype genotype;
  auto next = tokens.begin();
  const auto take = [&next] { return *next++; };
  for (int block = 0; block < options_.blocks; ++block) {
    const int first = take();
    genotype.blocks.push_back({first, take()});
  }
  genotype.first_op = static_cast<CellOp>(take());
  for (int layer = 1; layer < options_.cell_layers; ++layer) {
    CellLayer cell_layer;
    cell_layer.position1 = take();
    cell_layer.position2 = take();
    cell_layer.op1 = static_cast<CellOp>(take());
    cell_layer.op2 = static_cast<CellOp>(take());
    genotype.layers.push_back(cell_layer);
  }
  return genotype;
}

Tokens CellSpace::tokens(const CellGenotype& genotype) const {
  if (static_cast<int>(genotype.blocks.size()) != options_.blocks ||
      static_cast<int>(genotype.layers.size()) + 1 != options_.cell_layers) {
    core::throw_user_error("genotype {} has {} blocks and {} cell layers; the space has {} and {}",
                           to_text(genotype),
                           genotype.blocks.size(),
                           genotype.layers.size() + 1,
                           options_.blocks,
                           options_.cell_layers);
  }
  Tokens tokens;
  for (const BlockInputs& block : genotype.blocks)
    tokens.insert(tokens.end(), {block.first, block.second});
  tokens.push_back(static_cast<int>(genotype.first_op));
  for (const CellLayer& layer : genotype.layers) {
    tokens.insert(tokens.end(),
                  {layer.position1,
                   layer.position2,
                   static_cast<int>(layer.op1),
                   static_cast<int>(layer.op2)});
  }
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] >= decisions_[i].choices) {
      core::throw_user_error("genotype {}: {} = {} is outside this space, which allows 0 to {}",
                             to_text(genotype),
                             decisions_[i].name,
                             tokens[i],
                             decisions_[i].choices - 1);
    }
  }
  return tokens;
}

std::string CellSpace::text(const Tokens& tokens) const {
  return to_text(genotype(tokens));
}

Tokens CellSpace::parse(std::string_view text) const {
  return tokens(parse_cell_genotype(text));
}

}  // namespace parsimony::space
