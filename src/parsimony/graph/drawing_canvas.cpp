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
    ".pd .dropped{fill:none;stroke:currentColor;stroke-opacity:.45;stroke-dasharray:4 3}"
    ".pd .dropped~text{opacity:.6}.pd .dropped+text{text-decoration:line-through}"
    ".pd .track{fill:none;stroke-width:1;stroke-opacity:.5}.pd .share{stroke:none;fill-opacity:.5}"
    ".pd .g{font-size:11px}"
    ".pd .frame{fill:currentColor;fill-opacity:.035;stroke:none}"
    ".pd .a path{fill:none;stroke:currentColor;stroke-width:1.35;stroke-opacity:.62}"
    ".pd .a path+path{fill:currentColor;fill-opacity:.75;stroke:none}"
    ".pd .f{opacity:.3}";

constexpr double kMargin = 8;
constexpr double kFramePadding = 12;
constexpr double kFrameHeader = 24;
constexpr double kCaptionHeight = 30;
constexpr double kTitleHeight = 25;  // of a box with gauges
constexpr double kGaugeHeight = 15, kGaugePitch = 18;
constexpr double kGaugeInset = 5;

class Canvas {
 public:
  Canvas(const Diagram& diagram, const Arrangement& arrangement)
      : diagram_(diagram), arrangement_(arrangement), layout_(arrangement.layout) {}

  std::string draw() {
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
    if (framed) first_rank();
    for (const DrawnFrame& frame : arrangement_.frames) this->frame(frame);
    for (const DrawnNote& n : arrangement_.notes) note(n.text, n.at.x + dx_, n.at.y + dy_, "start");
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

  // A frame around the boxes of rank 0, and arrows between them.
  void first_rank() {
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
    frame({.x = left - kFramePadding,
           .y = kMargin - dy_,
           .width = right - left + 2 * kFramePadding,
           .height = bottom + dy_ - kMargin + kFramePadding - 2,
           .name = diagram_.frame});
    for (std::size_t i = 1; i < row.size(); ++i) {
      const double y = layout_.centres[row[i]].y + dy_;
      const double from =
          layout_.centres[row[i - 1]].x + diagram_.boxes[row[i - 1]].layout.width / 2 + dx_;
      const double to = layout_.centres[row[i]].x - diagram_.boxes[row[i]].layout.width / 2 + dx_;
      line(R"(<g class="a">{}</g>)", to_the_right({from, y}, {to, y}));
    }
  }

  void frame(const DrawnFrame& frame) {
    line(R"(<rect class="frame" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="8"/>)",
         frame.x + dx_,
         frame.y + dy_,
         frame.width,
         frame.height);
    line(R"(<text class="d" style="text-anchor:start" x="{:.1f}" y="{:.1f}">{}</text>)",
         frame.x + dx_ + kFramePadding,
         frame.y + dy_ + 16,
         escape_markup(frame.name));
  }

  static std::string to_the_right(const LayoutPoint& from, const LayoutPoint& to) {
    const double middle = (from.x + to.x) / 2;
    const std::string bend = from.y == to.y
                                 ? fmt::format("H{:.1f}", to.x - 5)
                                 : fmt::format("C{:.1f} {:.1f} {:.1f} {:.1f} {:.1f} {:.1f}",
                                               middle,
                                               from.y,
                                               middle,
                                               to.y,
                                               to.x - 5,
                                               to.y);
    return fmt::format(R"(<path d="M{:.1f} {:.1f}{}"/><path d="M{:.1f} {:.1f}l-6 -3.5v7z"/>)",
                       from.x + 2,
                       from.y,
                       bend,
                       to.x - 1,
                       to.y);
  }

  void arrow(const DrawnArrow& arrow, const std::vector<LayoutPoint>& route) {
    const LayoutPoint begin = route.front(), tip = route.back();
    const bool sideways = route.size() == 2 && begin.x != tip.x;
    line(R"(<g class="a{}"><title>{}</title>{}</g>)",
         arrow.faded ? " f" : "",
         escape_markup(arrow.tooltip),
         sideways ? to_the_right({begin.x + dx_, begin.y + dy_}, {tip.x + dx_, tip.y + dy_})
                  : downwards(route));
  }

  std::string downwards(const std::vector<LayoutPoint>& route) const {
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
    return fmt::format(R"(<path d="{}"/><path d="M{:.1f} {:.1f}l-3.6 -7h7.2z"/>)",
                       path,
                       route.back().x + dx_,
                       route.back().y + dy_ - 1);
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
      words(box, x, y);
      note(box.left_note, x - width / 2 + 7, y - height / 2 + 14, "start");
      note(box.right_note, x + width / 2 - 7, y - height / 2 + 14, "end");
    }
    line("</g>");
  }

  void words(const DrawnBox& box, double x, double y) {
    double title_y = y + 4.5;
    if (!box.detail.empty()) title_y = y - 2.5;
    if (!box.gauges.empty()) title_y = y - box.layout.height / 2 + 17;
    line(R"(<text x="{:.1f}" y="{:.1f}">{}</text>)", x, title_y, escape_markup(box.title));
    if (!box.gauges.empty()) {
      for (std::size_t i = 0; i < box.gauges.size(); ++i) {
        const double top = y - box.layout.height / 2 + kTitleHeight;
        gauge(box, box.gauges[i], x, top + kGaugePitch * static_cast<double>(i));
      }
    } else if (!box.detail.empty()) {
      line(R"(<text class="d" x="{:.1f}" y="{:.1f}">{}</text>)",
           x,
           y + 12.5,
           escape_markup(box.detail));
    }
  }

  void gauge(const DrawnBox& box, const DrawnGauge& gauge, double x, double top) {
    const double width = box.layout.width - 2 * kGaugeInset;
    for (const auto& [name, share] : {std::pair("track", 1.0), std::pair("share", gauge.share)}) {
      line(R"(<rect class="{} {}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="2"/>)",
           box.style,
           name,
           x - width / 2,
           top,
           width * share,
           kGaugeHeight);
    }
    line(R"(<text class="g" x="{:.1f}" y="{:.1f}">{}</text>)",
         x,
         top + 11.5,
         escape_markup(gauge.text));
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
  const Arrangement& arrangement_;
  const Layout& layout_;
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
  std::vector<LayoutBox> boxes;
  for (const DrawnBox& box : diagram.boxes) boxes.push_back(box.layout);
  std::vector<LayoutArrow> arrows;
  for (const DrawnArrow& arrow : diagram.arrows) arrows.push_back(arrow.layout);
  return to_svg(diagram, {.layout = lay_out(boxes, arrows, {}), .frames = {}, .notes = {}});
}

std::string to_svg(const Diagram& diagram, const Arrangement& arrangement) {
  return Canvas(diagram, arrangement).draw();
}

double height_with_gauges(std::size_t gauges) {
  return kTitleHeight + kGaugePitch * static_cast<double>(gauges) + 2;
}

}  // namespace parsimony::graph
