// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>

#include "parsimony/core/text.h"
#include "parsimony/graph/drawing.h"
#include "parsimony/graph/drawing_canvas.h"
#include "parsimony/graph/supernet_sketch.h"

namespace parsimony::graph {
namespace {

using Block = SupernetSketch::Block;

constexpr std::size_t kColumns = 5;  // as many as a whole ASPP has branches
constexpr double kBoxWidth = 140, kPlainHeight = 43;
constexpr std::size_t kShortTitle = 8;  // letters that leave room for a note in the corner
constexpr double kBoxGap = 18, kRowGap = 30;
constexpr double kFramePadding = 12, kFrameHeader = 26, kFrameGap = 12;
constexpr double kNoteWidth = 74;  // of what stands left of a row
constexpr double kLaneGap = 14;    // between arrows that pass rows

// Boxes side by side.
struct Row {
  std::vector<std::size_t> blocks;
  bool begins = true;  // not the continuation of the row above
};

// "encoder.middle_flow" of "encoder.middle_flow.unit3"; nothing without a dot.
std::string_view group_of(const Block& block) {
  const std::string_view name = block.name;
  const auto dot = name.rfind('.');
  return dot == std::string_view::npos ? "" : name.substr(0, dot);
}

// The name's last part, with the one before it where it is a mere number.
std::string title_of(const Block& block) {
  const auto parts = core::split(block.name, '.');
  const std::string& last = parts.back();
  const bool number = !last.empty() && std::ranges::all_of(last, [](unsigned char c) {
    return std::isdigit(c) != 0;
  });
  return number && parts.size() > 1 ? parts[parts.size() - 2] + "." + last : last;
}

std::string tooltip_of(const Block& block) {
  std::string text = block.name;
  if (block.left_out) {
    text += block.passed_by ? "\nleft out: its input takes the place of its result" : "\nleft out";
  } else {
    text += fmt::format("\n{} channels", block.channels);
    if (block.stride > 0) text += fmt::format(" at stride {}", block.stride);
    if (block.dilation > 1) text += fmt::format(", dilation {}", block.dilation);
  }
  for (const std::string& remark : block.remarks) text += "\n" + remark;
  return text;
}

std::string gauge_text(const SupernetSketch::Width& width) {
  return width.kept == width.full ? std::to_string(width.full)
                                  : fmt::format("{} of {}", width.kept, width.full);
}

std::string corner_note(const Block& block, const std::string& title) {
  if (title.size() > kShortTitle) return "";
  if (block.dilation > 1) return fmt::format("rate {}", block.dilation);
  return block.kernel == 1 ? "1×1" : "";
}

DrawnBox box_of(const Block& block) {
  DrawnBox box{.layout = {0, kBoxWidth, kPlainHeight},
               .style = block.style,
               .title = title_of(block),
               .tooltip = tooltip_of(block)};
  if (block.left_out) {
    box.style = "dropped";
    box.detail = "dropped";
    return box;
  }
  box.right_note = corner_note(block, box.title);
  if (block.widths.empty()) {
    box.detail = fmt::format("{} channels", block.channels);
    return box;
  }
  for (const auto& width : block.widths) {
    box.gauges.push_back(
        {static_cast<double>(width.kept) / static_cast<double>(width.full), gauge_text(width)});
  }
  box.layout.height = height_with_gauges(box.gauges.size());
  return box;
}

// Blocks with as many blocks between them and the logits stand in one row. A chain of them makes
// rows of equal group and stride; one that is too long is wrapped, where the channels change if
// possible.
class Rows {
 public:
  explicit Rows(const std::vector<Block>& blocks) : blocks_(blocks) {}

  std::vector<Row> run() {
    std::vector<std::size_t> together;
    for (const std::vector<std::size_t>& rank : ranks()) {
      if (rank.size() == 1 && continues(together, rank[0])) {
        together.push_back(rank[0]);
      } else {
        wrap(together);
        together = rank;
      }
    }
    wrap(together);
    return std::move(rows_);
  }

 private:
  // By the longest way to the end, the longest first.
  std::vector<std::vector<std::size_t>> ranks() const {
    std::vector<std::size_t> way(blocks_.size(), 0);
    std::size_t longest = 0;
    for (std::size_t b = blocks_.size(); b-- > 0;) {
      for (const std::size_t input : blocks_[b].inputs)
        way[input] = std::max(way[input], way[b] + 1);
      longest = std::max(longest, way[b]);
    }
    std::vector<std::vector<std::size_t>> ranks(blocks_.empty() ? 0 : longest + 1);
    for (std::size_t b = 0; b < blocks_.size(); ++b) ranks[longest - way[b]].push_back(b);
    return ranks;
  }

  bool continues(const std::vector<std::size_t>& chain, std::size_t b) const {
    if (chain.empty() || blocks_[b].inputs != std::vector{chain.back()}) return false;
    const Block& before = blocks_[chain.back()];
    return group_of(before) == group_of(blocks_[b]) && before.stride == blocks_[b].stride;
  }

  void wrap(const std::vector<std::size_t>& blocks) {
    std::vector<std::size_t> row;
    const std::size_t first_row = rows_.size();
    const auto flush = [&] {
      if (!row.empty()) rows_.push_back({row, rows_.size() == first_row});
      row.clear();
    };
    for (const std::vector<std::size_t>& stage : stages(blocks)) {
      if (row.size() + stage.size() > kColumns) flush();
      const std::size_t rows = (stage.size() + kColumns - 1) / kColumns;
      for (std::size_t i = 0; i < stage.size(); ++i) {
        // As many in each of the stage's own rows.
        if (i > 0 && i * rows / stage.size() != (i - 1) * rows / stage.size()) flush();
        row.push_back(stage[i]);
      }
    }
    flush();
  }

  // Neighbours of equal channels; all where they fit into one row.
  std::vector<std::vector<std::size_t>> stages(const std::vector<std::size_t>& blocks) const {
    std::vector<std::vector<std::size_t>> stages;
    for (const std::size_t b : blocks) {
      if (stages.empty() || (blocks.size() > kColumns &&
                             blocks_[stages.back().back()].channels != blocks_[b].channels))
        stages.emplace_back();
      stages.back().push_back(b);
    }
    return stages;
  }

  const std::vector<Block>& blocks_;
  std::vector<Row> rows_;
};

class Drawer {
 public:
  explicit Drawer(const SupernetSketch& sketch)
      : blocks_(sketch.blocks), rows_(Rows(sketch.blocks).run()), place_(blocks_.size()) {
    diagram_.label = fmt::format("Candidate of a supernet: {}", sketch.summary);
    diagram_.caption = sketch.summary;
    arrangement_.layout.centres.resize(blocks_.size());
  }

  std::string draw() {
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      for (std::size_t column = 0; column < rows_[r].blocks.size(); ++column)
        place_[rows_[r].blocks[column]] = {r, column};
    }
    for (const Block& block : blocks_) diagram_.add(box_of(block));
    find_lanes();
    for (std::size_t r = 0; r < rows_.size(); ++r) place_row(r);
    finish_frames();
    for (std::size_t b = 0; b < blocks_.size(); ++b) {
      for (const std::size_t input : blocks_[b].inputs) connect(input, b);
    }
    return to_svg(diagram_, arrangement_);
  }

 private:
  struct Place {
    std::size_t row = 0, column = 0;
  };
  struct Extent {
    double top = 0, bottom = 0;
  };

  bool passes_rows(std::size_t from, std::size_t to) const {
    return place_[to].row > place_[from].row + 1;
  }

  // Arrows that pass rows run right of them, those of one block as one. A block that such an arrow
  // leads to stands at the right end of its row, out of the others' way.
  void find_lanes() {
    std::size_t columns = 1;
    for (const Row& row : rows_) columns = std::max(columns, row.blocks.size());
    content_right_ = kFramePadding + kNoteWidth + left_of(columns) - kBoxGap;
    for (std::size_t b = 0; b < blocks_.size(); ++b) {
      for (const std::size_t input : blocks_[b].inputs) {
        if (!passes_rows(input, b)) continue;
        lanes_.emplace(input, content_right_ + kLaneGap * static_cast<double>(lanes_.size() + 1));
        if (b == rows_[place_[b].row].blocks.back()) place_[b].column = columns - 1;
      }
    }
    right_ = content_right_ + kLaneGap * static_cast<double>(lanes_.size()) + kFramePadding;
  }

  static double left_of(std::size_t column) {
    return static_cast<double>(column) * (kBoxWidth + kBoxGap);
  }

  void place_row(std::size_t r) {
    const Row& row = rows_[r];
    const std::string_view group = group_of(blocks_[row.blocks[0]]);
    if (r == 0 || group != group_of(blocks_[rows_[r - 1].blocks[0]]))
      begin_frame(group);
    else
      y_ += kRowGap;
    double height = 0;
    for (const std::size_t b : row.blocks)
      height = std::max(height, diagram_.boxes[b].layout.height);
    for (const std::size_t b : row.blocks) {
      arrangement_.layout.centres[b] = {
          kFramePadding + kNoteWidth + left_of(place_[b].column) + kBoxWidth / 2, y_ + height / 2};
    }
    if (row.begins)
      arrangement_.notes.push_back({{kFramePadding, y_ + height / 2 + 4}, strides_of(row)});
    extents_.push_back({y_, y_ + height});
    y_ += height;
  }

  std::string strides_of(const Row& row) const {
    std::vector<std::int64_t> strides;
    for (const std::size_t b : row.blocks) {
      const std::int64_t stride = blocks_[b].stride;
      if (stride > 0 && std::ranges::find(strides, stride) == strides.end())
        strides.push_back(stride);
    }
    if (strides.empty()) return "";
    std::vector<std::string> texts;
    for (const std::int64_t stride : strides) texts.push_back(std::to_string(stride));
    return fmt::format("stride{} {}", strides.size() == 1 ? "" : "s", core::join(texts, ", "));
  }

  void begin_frame(std::string_view group) {
    if (!arrangement_.frames.empty()) {
      end_frame();
      y_ += kFrameGap;
    }
    arrangement_.frames.push_back({.x = 0, .y = y_, .width = right_, .name = std::string(group)});
    y_ += kFrameHeader;
  }

  void end_frame() {
    y_ += kFramePadding;
    DrawnFrame& frame = arrangement_.frames.back();
    frame.height = y_ - frame.y;
  }

  void finish_frames() {
    if (!arrangement_.frames.empty()) end_frame();
    arrangement_.layout.width = right_;
    arrangement_.layout.height = y_;
  }

  void connect(std::size_t from, std::size_t to) {
    const auto gone = [&](std::size_t b) { return blocks_[b].left_out && !blocks_[b].passed_by; };
    diagram_.connect(from,
                     to,
                     fmt::format("from {} to {}", blocks_[from].name, blocks_[to].name),
                     gone(from) || gone(to));
    arrangement_.layout.routes.push_back(route(from, to));
  }

  std::vector<LayoutPoint> route(std::size_t from, std::size_t to) const {
    const LayoutPoint a = arrangement_.layout.centres[from], b = arrangement_.layout.centres[to];
    const Extent& row_a = extents_[place_[from].row];
    const Extent& row_b = extents_[place_[to].row];
    if (place_[from].row == place_[to].row)
      return {{a.x + kBoxWidth / 2, a.y}, {b.x - kBoxWidth / 2, b.y}};
    const LayoutPoint leave{a.x, a.y + diagram_.boxes[from].layout.height / 2};
    const LayoutPoint enter{b.x, b.y - diagram_.boxes[to].layout.height / 2};
    if (!passes_rows(from, to)) return {leave, {a.x, row_a.bottom}, {b.x, row_b.top}, enter};
    const double lane = lanes_.at(from);
    return {leave,
            {a.x, row_a.bottom},
            {lane, extents_[place_[from].row + 1].top},
            {lane, extents_[place_[to].row - 1].bottom},
            {b.x, row_b.top},
            enter};
  }

  const std::vector<Block>& blocks_;
  const std::vector<Row> rows_;
  std::vector<Place> place_;             // of the blocks
  std::vector<Extent> extents_;          // of the rows
  std::map<std::size_t, double> lanes_;  // x, by the block that they start from
  double content_right_ = 0, right_ = 0, y_ = 0;
  Diagram diagram_;
  Arrangement arrangement_;
};

}  // namespace

std::string draw_subsample(const Supernet& supernet, const Choices& choices) {
  const SupernetSketch sketch = sketch_of(supernet, choices);
  return Drawer(sketch).draw();
}

}  // namespace parsimony::graph
