// SPDX-License-Identifier: Apache-2.0
#include "parsimony/graph/decoder_sketch.h"

#include <fmt/format.h>

#include <algorithm>

namespace parsimony::graph {
namespace {

constexpr std::size_t kBlocksPerRank = 3;
constexpr double kTapHeight = 40, kHeadHeight = 40;

class Sketcher {
 public:
  explicit Sketcher(const DecoderSketch& sketch) : sketch_(sketch) {}

  Diagram run() {
    const std::size_t blocks = sketch_.blocks.size();
    const std::size_t collected = sketch_.collected.size();
    diagram_.label = fmt::format("Decoder with {} block{} of which {} {} collected",
                                 blocks,
                                 blocks == 1 ? "" : "s",
                                 collected,
                                 collected == 1 ? "is" : "are");
    diagram_.caption = sketch_.caption;
    diagram_.frame = "encoder, finest to coarsest feature map";
    for (std::size_t tap = 0; tap < sketch_.taps.size(); ++tap) add_tap(tap);
    for (std::size_t b = 0; b < blocks; ++b) add_block(b);
    add_head();
    return std::move(diagram_);
  }

 private:
  void add_tap(std::size_t tap) {
    const bool read =
        std::any_of(sketch_.blocks.begin(), sketch_.blocks.end(), [tap](const auto& block) {
          return block.inputs[0] == tap || block.inputs[1] == tap;
        });
    const auto& [stride, remark] = sketch_.taps[tap];
    diagram_.add({.layout = {0, 84, kTapHeight, true},
                  .style = "plain",
                  .title = fmt::format("tap {}", tap),
                  .detail = fmt::format("stride {}", stride),
                  .tooltip = fmt::format("encoder tap {} at stride {}{}{}",
                                         tap,
                                         stride,
                                         remark,
                                         read ? "" : "; no block reads it"),
                  .faded = !read || sketch_.constant});
    rank_of_.push_back(0);
  }

  void add_block(std::size_t b) {
    const DecoderSketch::Block& block = sketch_.blocks[b];
    auto rank =
        static_cast<std::size_t>(std::max(rank_of_[block.inputs[0]], rank_of_[block.inputs[1]])) +
        1;
    while (rank < in_rank_.size() && in_rank_[rank] >= kBlocksPerRank) ++rank;
    if (rank >= in_rank_.size()) in_rank_.resize(rank + 1);
    ++in_rank_[rank];
    rank_of_.push_back(static_cast<int>(rank));
    const std::size_t box = diagram_.add({.layout = {static_cast<int>(rank), 124, 44},
                                          .style = "conv",
                                          .title = fmt::format("block {}", b),
                                          .detail = block.detail,
                                          .left_note = block.left_note,
                                          .right_note = block.right_note,
                                          .tooltip = fmt::format("block {}: {}", b, block.tooltip),
                                          .faded = sketch_.constant});
    for (const std::size_t input : block.inputs) {
      const std::string source = input < sketch_.taps.size()
                                     ? fmt::format("tap {}", input)
                                     : fmt::format("block {}", input - sketch_.taps.size());
      diagram_.connect(input, box, fmt::format("{} to block {}", source, b), sketch_.constant);
    }
  }

  void add_head() {
    int rank = static_cast<int>(in_rank_.size());
    std::size_t joint = entry(sketch_.collected.front());
    if (sketch_.collected.size() > 1) {
      joint = diagram_.add(
          {.layout = {rank++, 150, 30},
           .style = "plain",
           .title = fmt::format("concatenate {}", sketch_.collected.size()),
           .tooltip = fmt::format("outputs of the blocks that no block reads, enlarged to {}",
                                  sketch_.resolution),
           .faded = sketch_.constant});
      for (const int b : sketch_.collected) {
        diagram_.connect(
            entry(b), joint, fmt::format("block {} is collected", b), sketch_.constant);
      }
    }
    const std::size_t head =
        diagram_.add({.layout = {rank, 204, kHeadHeight},
                      .style = "plain",
                      .title = "ReLU · conv 1×1 · conv 3×3",
                      .detail = fmt::format("logits at {}", sketch_.resolution),
                      .tooltip = fmt::format("the head: logits at {}", sketch_.resolution),
                      .faded = sketch_.constant});
    diagram_.connect(joint, head, "to the head", sketch_.constant);
  }

  std::size_t entry(int block) const {
    return sketch_.taps.size() + static_cast<std::size_t>(block);
  }

  const DecoderSketch& sketch_;
  Diagram diagram_;
  std::vector<int> rank_of_;                // of every pool entry
  std::vector<std::size_t> in_rank_ = {0};  // blocks per rank
};

}  // namespace

Diagram diagram_of(const DecoderSketch& sketch) {
  return Sketcher(sketch).run();
}

}  // namespace parsimony::graph
