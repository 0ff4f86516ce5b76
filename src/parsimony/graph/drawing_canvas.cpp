// SPDX-License-Identifier: Apache-2.0
#include "parsimony/graph/drawing_canvas.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "parsimony/core/text.h"

namespace parsimony::graph {
namespace {

using core::escape_markup;

// Variables come from the page; their fallbacks serve a drawing that is a file of its own. A page
// with several drawings repeats these rules, which is harmless.
constexpr std::string_view kStyle =
    ".pd{color:var(--ink,#1b2430);max-width:100%;height:auto;font-family:system-ui,-apple-system,'"
    "Segoe UI',"
    "Roboto,'Helvetica Neue',Arial,sans-serif}"
    "@media(prefers-color-scheme:dark){.pd{color:var(--ink,#e7ebf0)}}"
    ".pd text{fill:currentColor;font-size:13px;text-anchor:middle}"
    ".pd .d{font-size:11px;opacity:.75}.pd .n{font-size:10.5px;opacity:.75}"
    ".pd rect,.pd circle{stroke-width:1.25;fill-opacity:.13}"
    ".pd .plain{fill:currentColor;stroke:currentColor;fill-opacity:.05;stroke-opacity:.55}"
    ".pd .sum{fill:currentColor;stroke:currentColor;fill-opacity:.05;stroke-opacity:.55}"
    ".pd .conv{fill:var(--op-conv,#3f7fd0);stroke:var(--op-conv,#3f7fd0)}"
    ".pd .sep{fill:var(--op-sep,#1f9a77);stroke:var(--op-sep,#1f9a77)}"
    ".pd .pool{fill:var(--op-pool,#c58a1c);stroke:var(--op-pool,#c58a1c)}"
    ".pd .skip{fill:var(--op-skip,#8792a2);stroke:var(--op-skip,#8792a2)}"
    ".pd .none{fill:none;stroke:var(--op-skip,#8792a2);stroke-dasharray:4 3}"
    ".pd .frame{fill:currentColor;fill-opacity:.035;stroke:none}"
    ".pd .a path{fill:none;stroke:currentColor;stroke-width:1.35;stroke-opacity:.62}"
    ".pd .a path+path{fill:currentColor;fill-opacity:.75;stroke:none}"
    ".pd .f{opacity:.3}";

constexpr double kMargin = 8;
constexpr double kFramePadding = 12;
constexpr double kFrameHeader = 24;
constexpr double kCaptionHeight = 30;

class Canvas {
 public:
  explicit Canvas(const Diagram& diagram) : diagram_(diagram) {}

  std::string draw() {
    arrange();
    const bool framed = !diagram_.frame.empty();
    dx_ = kMargin + (framed ? kFramePadding : 0);
    dy_ = kMargin + (framed ? kFrameHeader : 0);
    // A caption needs about 7 px a letter; a drawing narrower than that is centred above it.
    const double needed =
        diagram_.caption.empty() ? 0 : 7.2 * static_cast<double>(diagram_.caption.size());
    const double drawn = layout_.width + 2 * dx_;
    const double width = std::max(drawn, needed);
    dx_ += (width - drawn) / 2;
    const double height =
        layout_.height + dy_ + kMargin + (diagram_.caption.empty() ? 0 : kCaptionHeight);
    line(R"(<svg xmlns="http://www.w3.org/2000/svg" class="pd" role="img" aria-label="{}" )"
         R"(viewBox="0 0 {:.0f} {:.0f}" width="{:.0f}" height="{:.0f}"><style>{}</style>)",
         escape_markup(diagram_.label),
         width,
         height,
         width,
         height,
         kStyle);
    line("<title>{}</title>", escape_markup(diagram_.label));
    if (framed) frame();
    for (std::size_t a = 0; a < diagram_.arrows.size(); ++a)
      arrow(diagram_.arrows[a], layout_.routes[a]);
    for (std::size_t b = 0; b < diagram_.boxes.size(); ++b)
      box(diagram_.boxes[b], layout_.centres[b]);
    if (!diagram_.caption.empty()) {
      line(R"(<text x="{:.1f}" y="{:.1f}">{}</text>)",
           width / 2,
           height - 10,
           escape_markup(diagram_.caption));
    }
    line("</svg>");
    return std::move(out_);
  }

 private:
  template <typename... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
    out_ += '\n';
  }

  void arrange() {
    std::vector<LayoutBox> boxes;
    for (const DrawnBox& box : diagram_.boxes) boxes.push_back(box.layout);
    std::vector<LayoutArrow> arrows;
    for (const DrawnArrow& arrow : diagram_.arrows) arrows.push_back(arrow.layout);
    layout_ = lay_out(boxes, arrows, {});
  }

  void frame() {
    double left = layout_.width, right = 0, bottom = 0;
    std::vector<std::size_t> row;
    for (std::size_t b = 0; b < diagram_.boxes.size(); ++b) {
      const LayoutBox& box = diagram_.boxes[b].layout;
      if (box.rank != 0) continue;
      row.push_back(b);
      left = std::min(left, layout_.centres[b].x - box.width / 2);
      right = std::max(right, layout_.centres[b].x + box.width / 2);
      bottom = std::max(bottom, layout_.centres[b].y + box.height / 2);
    }
    left += dx_ - kFramePadding;
    right += dx_ + kFramePadding;
    line(R"(<rect class="frame" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="8"/>)",
         left,
         kMargin,
         right - left,
         bottom + dy_ - kMargin + kFramePadding - 2);
    line(R"(<text class="d" style="text-anchor:start" x="{:.1f}" y="{:.1f}">{}</text>)",
         left + kFramePadding,
         kMargin + 16,
         escape_markup(diagram_.frame));
    for (std::size_t i = 1; i < row.size(); ++i) {
      const double y = layout_.centres[row[i]].y + dy_;
      const double from =
          layout_.centres[row[i - 1]].x + diagram_.boxes[row[i - 1]].layout.width / 2 + dx_;
      const double to = layout_.centres[row[i]].x - diagram_.boxes[row[i]].layout.width / 2 + dx_;
      line(
          R"(<g class="a"><path d="M{:.1f} {:.1f}H{:.1f}"/><path d="M{:.1f} {:.1f}l-6 -3.5v7z"/></g>)",
          from + 2,
          y,
          to - 5,
          to - 1,
          y);
    }
  }

  void arrow(const DrawnArrow& arrow, const std::vector<LayoutPoint>& route) {
    std::string path = fmt::format("M{:.1f} {:.1f}", route[0].x + dx_, route[0].y + dy_);
    for (std::size_t i = 1; i < route.size(); ++i) {
      const double x = route[i].x + dx_;
      const double y = route[i].y + dy_;
      const bool last = i + 1 == route.size();
      if (i % 2 == 1) {
        path += fmt::format("V{:.1f}", last ? y - 5 : y);
      } else {
        // Both ends of a bend are vertical. Where nothing straight follows, the head needs its
        // place.
        const double before_x = route[i - 1].x + dx_;
        const double before_y = route[i - 1].y + dy_;
        const double end = i + 2 == route.size() ? y - 7 : y;
        const double middle = (before_y + end) / 2;
        path += fmt::format(
            "C{:.1f} {:.1f} {:.1f} {:.1f} {:.1f} {:.1f}", before_x, middle, x, middle, x, end);
      }
    }
    const LayoutPoint tip = route.back();
    line(
        R"(<g class="a{}"><title>{}</title><path d="{}"/><path d="M{:.1f} {:.1f}l-3.6 -7h7.2z"/></g>)",
        arrow.faded ? " f" : "",
        escape_markup(arrow.tooltip),
        path,
        tip.x + dx_,
        tip.y + dy_ - 1);
  }

  void box(const DrawnBox& box, const LayoutPoint& centre) {
    const double x = centre.x + dx_;
    const double y = centre.y + dy_;
    const double width = box.layout.width;
    const double height = box.layout.height;
    line(R"(<g class="b{}"><title>{}</title>)", box.faded ? " f" : "", escape_markup(box.tooltip));
    if (box.style == "sum") {
      line(R"(<circle class="sum" cx="{:.1f}" cy="{:.1f}" r="{:.1f}"/>)", x, y, height / 2);
      line(R"(<path d="M{:.1f} {:.1f}h10m-5 -5v10" stroke="currentColor" stroke-width="1.5"/>)",
           x - 5,
           y);
    } else {
      line(R"(<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="6"/>)",
           box.style,
           x - width / 2,
           y - height / 2,
           width,
           height);
      const bool two_lines = !box.detail.empty();
      line(R"(<text x="{:.1f}" y="{:.1f}">{}</text>)",
           x,
           two_lines ? y - 2.5 : y + 4.5,
           escape_markup(box.title));
      if (two_lines) {
        line(R"(<text class="d" x="{:.1f}" y="{:.1f}">{}</text>)",
             x,
             y + 12.5,
             escape_markup(box.detail));
      }
      note(box.left_note, x - width / 2 + 7, y - height / 2 + 14, "start");
      note(box.right_note, x + width / 2 - 7, y - height / 2 + 14, "end");
    }
    line("</g>");
  }

  void note(const std::string& text, double x, double y, std::string_view anchor) {
    if (text.empty()) return;
    line(R"(<text class="n" style="text-anchor:{}" x="{:.1f}" y="{:.1f}">{}</text>)",
         anchor,
         x,
         y,
         escape_markup(text));
  }

  const Diagram& diagram_;
  Layout layout_;
  double dx_ = 0, dy_ = 0;
  std::string out_;
};

}  // namespace

std::size_t Diagram::add(DrawnBox box) {
  boxes.push_back(std::move(box));
  return boxes.size() - 1;
}

void Diagram::connect(std::size_t from, std::size_t to, std::string tooltip, bool faded) {
  arrows.push_back({{from, to}, std::move(tooltip), faded});
}

std::string to_svg(const Diagram& diagram) {
  return Canvas(diagram).draw();
}

}  // namespace parsimony::graph
