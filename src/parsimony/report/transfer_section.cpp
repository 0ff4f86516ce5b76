// SPDX-License-Identifier: Apache-2.0
#include "parsimony/report/html.h"
#include "parsimony/report/sections.h"
#include "parsimony/report/terms.h"

namespace parsimony::report {
namespace {

std::string by_class(const Transfer& transfer) {
  std::string text;
  for (std::size_t c = 0; c < transfer.metrics.f1.size(); ++c) {
    if (!transfer.metrics.f1[c]) continue;
    const std::string name =
        c < transfer.classes.size() ? transfer.classes[c] : fmt::format("class {}", c);
    text +=
        fmt::format("{}{} {:.1f}", text.empty() ? "" : ", ", name, 100 * *transfer.metrics.f1[c]);
  }
  return text.empty() ? "–" : text;
}

void row(std::string& out, study::TrialId network, const Transfer& transfer) {
  put(out,
      R"(<tr><th scope="row" data-v="{}"><a href="#network-{}">#{}</a></th><td>{}</td><td>{}</td>)",
      network,
      network,
      network,
      escape_markup(transfer.dataset),
      transfer.from_weights ? "its weights" : "scratch");
  put(out,
      R"(<td class="num">{}</td>)",
      transfer.params ? core::human_count(*transfer.params) : "–");
  put(out, R"(<td class="num">{}</td>)", percent(transfer.metrics.miou));
  put(out,
      R"(<td>{}</td><td class="num">{}</td></tr>)",
      escape_markup(by_class(transfer)),
      transfer.metrics.images);
}

}  // namespace

std::string render_transfers(const View& view) {
  std::string out;
  for (const ReportedModel& model : view.data.models) {
    for (const Transfer& transfer : model.transfers) row(out, model.model.trial, transfer);
  }
  if (out.empty()) return {};
  return open_section("transfer",
                      "Transfer",
                      "The chosen architectures trained on other data sets, from the weights found "
                      "here or from scratch, and measured on the test split there.") +
         R"(<div class="scroll"><table class="sortable"><thead><tr><th scope="col">Network</th>)"
         R"(<th scope="col">Data set</th><th scope="col">Begins with</th>)"
         R"(<th scope="col" class="num">Parameters</th><th scope="col" class="num">mIoU, test</th>)"
         R"(<th scope="col">F1 by class, percent</th><th scope="col" class="num">Pictures</th></tr></thead><tbody>)" +
         out + "</tbody></table></div></section>";
}

}  // namespace parsimony::report
