// SPDX-License-Identifier: Apache-2.0
#include "parsimony/report/chart.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "parsimony/report/html.h"

namespace parsimony::report {
namespace {

// Leaves room for the larger letters that report.css uses on narrow screens.
constexpr double kWidth = 480, kHeight = 344;
constexpr double kLeft = 54, kRight = 466, kTop = 36, kBottom = 290;

struct Box {
  double left = 0, top = 0, right = 0, bottom = 0;
  bool overlaps(const Box& other) const {
    return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
  }
};

bool is_line(Mark mark) {
  return mark == Mark::kLine || mark == Mark::kCurve || mark == Mark::kSteps ||
         mark == Mark::kArrows;
}

class ChartRenderer {
 public:
  explicit ChartRenderer(const Chart& chart) : chart_(chart) {
    std::vector<double> xs, ys;
    for (const ChartSeries& series : chart.series) {
      for (const ChartPoint& point : series.points) {
        xs.push_back(point.x);
        if (series.mark != Mark::kRug) ys.push_back(point.y);
      }
    }
    x_ = make_axis(xs, chart.x);
    y_ = make_axis(ys, chart.y);
  }

  std::string render() {
    put(out_, R"(<figure class="chart"><figcaption>{}</figcaption>)", escape_markup(chart_.title));
    put(out_,
        R"(<svg viewBox="0 0 {} {}" role="group" tabindex="0" aria-roledescription="chart" aria-label="{}">)",
        kWidth,
        kHeight,
        escape_markup(chart_.title + ". " + chart_.description));
    axes();
    for (std::size_t i = 0; i < chart_.series.size(); ++i) {
      const ChartSeries& series = chart_.series[i];
      if (series.points.empty()) continue;
      put(out_, R"(<g class="s {}" data-s="{}">)", series.style, i);
      if (series.mark == Mark::kArrows) {
        for (std::size_t k = 1; k < series.points.size(); k += 2)
          arrow(series.points[k - 1], series.points[k]);
      } else if (is_line(series.mark)) {
        line(series);
        if (series.mark == Mark::kCurve) {
          for (const ChartPoint& point : series.points) mark(series.mark, point);
        }
      } else {
        for (const ChartPoint& point : series.points) mark(series.mark, point);
      }
      out_ += "</g>\n";
    }
    labels();
    out_ += "</svg>\n";
    legend();
    out_ += "</figure>\n";
    return std::move(out_);
  }

 private:
  double px(double x) const { return kLeft + x_.place(x) * (kRight - kLeft); }
  double py(double y) const { return kBottom - y_.place(y) * (kBottom - kTop); }

  static std::string with_unit(const std::string& title, const Axis& axis) {
    std::string text = title;
    if (!axis.prefix.empty()) text += fmt::format(" ({})", axis.prefix);
    if (axis.logarithmic) text += ", log scale";
    return escape_markup(text);
  }

  void axes() {
    out_ += "<g class=\"axes\" aria-hidden=\"true\">\n";
    for (const Tick& tick : y_.ticks) {
      const double y = py(tick.value);
      put(out_,
          R"(<path class="grid" d="M{} {:.1f}H{}"/><text class="y" x="{}" y="{:.1f}">{}</text>)",
          kLeft,
          y,
          kRight,
          kLeft - 8,
          y + 4.5,
          tick.label);
    }
    for (const Tick& tick : x_.ticks) {
      const double x = px(tick.value);
      put(out_,
          R"(<path class="tick" d="M{:.1f} {}v5"/><text x="{:.1f}" y="{}">{}</text>)",
          x,
          kBottom,
          x,
          kBottom + 21,
          tick.label);
    }
    put(out_, R"(<path class="base" d="M{} {}H{}"/>)", kLeft, kBottom, kRight);
    put(out_,
        R"(<text class="title" x="{}" y="{}">{}</text>)",
        kRight,
        kHeight - 10,
        with_unit(chart_.x_title, x_));
    put(out_, R"(<text class="title y" x="2" y="18">{}</text>)", with_unit(chart_.y_title, y_));
    out_ += "</g>\n";
  }

  void line(const ChartSeries& series) {
    std::string path;
    for (const ChartPoint& point : series.points) {
      const double x = px(point.x);
      const double y = py(point.y);
      if (path.empty() || point.apart) {
        path += fmt::format("M{:.1f} {:.1f}", x, y);
      } else if (series.mark == Mark::kSteps) {
        path += fmt::format("H{:.1f}V{:.1f}", x, y);
      } else {
        path += fmt::format("L{:.1f} {:.1f}", x, y);
      }
    }
    put(out_, R"(<path class="line" d="{}"/>)", path);
  }

  // Ends short of the points' marks; points that are too near for that get none.
  void arrow(const ChartPoint& from, const ChartPoint& to) {
    constexpr double kClear = 7, kHead = 5;
    const double x = px(from.x), y = py(from.y);
    const double length = std::hypot(px(to.x) - x, py(to.y) - y);
    if (length < 2 * kClear + kHead) return;
    const double along_x = (px(to.x) - x) / length, along_y = (py(to.y) - y) / length;
    const double tip_x = px(to.x) - kClear * along_x, tip_y = py(to.y) - kClear * along_y;
    const auto barb = [&](double side) {
      return fmt::format("M{:.1f} {:.1f}L{:.1f} {:.1f}",
                         tip_x - kHead * (along_x + side * along_y),
                         tip_y - kHead * (along_y - side * along_x),
                         tip_x,
                         tip_y);
    };
    put(out_,
        R"(<path class="stroke" d="M{:.1f} {:.1f}L{:.1f} {:.1f}{}{}"/>)",
        x + kClear * along_x,
        y + kClear * along_y,
        tip_x,
        tip_y,
        barb(0.7),
        barb(-0.7));
  }

  void mark(Mark mark, const ChartPoint& point) {
    const double x = px(point.x);
    const double y = mark == Mark::kRug ? kBottom - 4 : py(point.y);
    std::string shape;
    switch (mark) {
      case Mark::kDot:
        shape = fmt::format(R"(<circle cx="{:.1f}" cy="{:.1f}" r="3.4")", x, y);
        break;
      case Mark::kRing:
        shape = fmt::format(R"(<circle class="hollow" cx="{:.1f}" cy="{:.1f}" r="3")", x, y);
        break;
      case Mark::kCross:
        shape = fmt::format(
            R"(<path class="stroke" d="M{:.1f} {:.1f}l5 5m0-5l-5 5")", x - 2.5, y - 2.5);
        break;
      case Mark::kDiamond:
        shape = fmt::format(R"(<path d="M{:.1f} {:.1f}l6 6-6 6-6-6z")", x, y - 6);
        break;
      case Mark::kRug:
        shape = fmt::format(R"(<path class="stroke" d="M{:.1f} {:.1f}v8")", x, y - 4);
        break;
      case Mark::kCurve:
        shape = fmt::format(R"(<circle class="small" cx="{:.1f}" cy="{:.1f}" r="2")", x, y);
        break;
      case Mark::kLine:
      case Mark::kSteps:
      case Mark::kArrows:
        return;
    }
    out_ += shape;
    if (!point.tip.empty()) out_ += fmt::format(R"( data-tip="{}")", escape_markup(point.tip));
    if (point.trial != 0) out_ += fmt::format(R"( data-trial="{}")", point.trial);
    out_ += "/>\n";
  }

  // Names of points, each beside its point where neither another name nor a named point is; a name
  // without such a place is left out (the point still has its tip).
  void labels() {
    constexpr double kLetter = 9.6, kLine = 16, kReach = 9;  // of the larger letters
    std::vector<Box> taken;
    std::vector<std::pair<const ChartPoint*, std::size_t>> named;
    for (std::size_t i = 0; i < chart_.series.size(); ++i) {
      for (const ChartPoint& point : chart_.series[i].points) {
        if (point.label.empty()) continue;
        const double x = px(point.x);
        const double y = py(point.y);
        taken.push_back({x - 5, y - 5, x + 5, y + 5});
        named.emplace_back(&point, i);
      }
    }
    for (const auto& [point, series] : named) {
      const double x = px(point->x);
      const double y = py(point->y);
      const double width = kLetter * static_cast<double>(point->label.size());
      struct Place {
        Box box;
        double anchor_x = 0;
        std::string_view anchor;
      };
      const auto place_at = [&](double left, double top, std::string_view anchor) {
        const double shift = anchor == "end" ? width : anchor == "middle" ? width / 2 : 0;
        return Place{{left, top, left + width, top + kLine}, left + shift, anchor};
      };
      // The upper left comes first: nothing that is better lies there, and no line of a front.
      const std::array<Place, 5> places = {place_at(x - 5 - width, y - 5 - kLine, "end"),
                                           place_at(x + kReach, y - kLine / 2, "start"),
                                           place_at(x - width / 2, y - kReach - kLine, "middle"),
                                           place_at(x - kReach - width, y - kLine / 2, "end"),
                                           place_at(x - width / 2, y + kReach, "middle")};
      const auto fits = [&taken](const Place& place) {
        const bool inside = place.box.left >= kLeft && place.box.right <= kRight + 8 &&
                            place.box.top >= kTop - 14 && place.box.bottom <= kBottom;
        return inside && std::none_of(taken.begin(), taken.end(), [&place](const Box& box) {
                 return box.overlaps(place.box);
               });
      };
      const auto place = std::find_if(places.begin(), places.end(), fits);
      if (place == places.end()) continue;
      taken.push_back(place->box);
      put(out_,
          R"(<text class="label {}" data-s="{}" x="{:.1f}" y="{:.1f}">{}</text>)",
          place->anchor,
          series,
          place->anchor_x,
          place->box.bottom - 3.5,
          escape_markup(point->label));
    }
  }

  void legend() {
    std::string entries;
    for (std::size_t i = 0; i < chart_.series.size(); ++i) {
      const ChartSeries& series = chart_.series[i];
      if (series.points.empty() || series.name.empty()) continue;
      put(entries,
          R"(<button type="button" aria-pressed="true" data-s="{}"><svg class="key" viewBox="0 0 18 12" aria-hidden="true"><g class="s {}">{}</g></svg>{}</button>)",
          i,
          series.style,
          key(series.mark),
          escape_markup(series.name));
    }
    if (!entries.empty()) out_ += "<div class=\"legend\">" + entries + "</div>\n";
  }

  static std::string_view key(Mark mark) {
    switch (mark) {
      case Mark::kDot:
        return R"(<circle cx="9" cy="6" r="4"/>)";
      case Mark::kRing:
        return R"(<circle class="hollow" cx="9" cy="6" r="3.5"/>)";
      case Mark::kCross:
        return R"(<path class="stroke" d="M6 3l6 6m0-6l-6 6"/>)";
      case Mark::kDiamond:
        return R"(<path d="M9 0l6 6-6 6-6-6z"/>)";
      case Mark::kRug:
        return R"(<path class="stroke" d="M9 1v10"/>)";
      case Mark::kLine:
      case Mark::kCurve:
      case Mark::kSteps:
        return R"(<path class="line" d="M0 6h18"/>)";
      case Mark::kArrows:
        return R"(<path class="stroke" d="M0 6h17m-4 -4l4 4l-4 4"/>)";
    }
    return "";
  }

  const Chart& chart_;
  Axis x_, y_;
  std::string out_;
};

}  // namespace

std::string render_chart(const Chart& chart) {
  return ChartRenderer(chart).render();
}

}  // namespace parsimony::report
