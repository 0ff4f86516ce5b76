// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "parsimony/data/dataset.h"
#include "parsimony/data/inventory.h"

namespace parsimony::data {

// One way data sets lie on disk. To add one: a file layout_NAME.cpp with the two functions, a line
// below, a row in layouts.cpp, and a tree in layouts_test.cpp.
struct Layout {
  std::string_view name;
  std::string_view description;  // for help: what the folder looks like
  // Why `root` is not of this layout ("no folder images/"); empty when it is.
  std::string (*why_not)(const std::filesystem::path& root);
  // Lists the data set; what is wrong with it goes to the findings. Opens no picture.
  Inventory (*scan)(const std::filesystem::path& root, const OpenOptions& options);
};

// In the order in which they are tried.
std::span<const Layout> layouts();

// The layout of a folder; a user error gives each layout's reason when none fits.
const Layout& detect_layout(const std::filesystem::path& root);

// Opens one known layout. Errors among the inventory's findings are thrown, the first in words and
// the others counted.
std::unique_ptr<Dataset> open_layout(const Layout& layout,
                                     const std::filesystem::path& root,
                                     const OpenOptions& options = {});

std::string why_not_folder(const std::filesystem::path& root);
Inventory scan_folder(const std::filesystem::path& root, const OpenOptions& options = {});
std::string why_not_pairs(const std::filesystem::path& root);
Inventory scan_pairs(const std::filesystem::path& root, const OpenOptions& options = {});
std::string why_not_voc(const std::filesystem::path& root);
Inventory scan_voc(const std::filesystem::path& root, const OpenOptions& options = {});
std::string why_not_cityscapes(const std::filesystem::path& root);
Inventory scan_cityscapes(const std::filesystem::path& root, const OpenOptions& options = {});
std::string why_not_camvid_segnet(const std::filesystem::path& root);
Inventory scan_camvid_segnet(const std::filesystem::path& root, const OpenOptions& options = {});
std::string why_not_camvid(const std::filesystem::path& root);
Inventory scan_camvid(const std::filesystem::path& root, const OpenOptions& options = {});
std::string why_not_eg1800(const std::filesystem::path& root);
Inventory scan_eg1800(const std::filesystem::path& root, const OpenOptions& options = {});
std::string why_not_eg1800_original(const std::filesystem::path& root);
Inventory scan_eg1800_original(const std::filesystem::path& root, const OpenOptions& options = {});
std::string why_not_celebamask_hq(const std::filesystem::path& root);
Inventory scan_celebamask_hq(const std::filesystem::path& root, const OpenOptions& options = {});
std::string why_not_helen(const std::filesystem::path& root);
Inventory scan_helen(const std::filesystem::path& root, const OpenOptions& options = {});
std::string why_not_classes(const std::filesystem::path& root);
Inventory scan_classes(const std::filesystem::path& root, const OpenOptions& options = {});

std::string why_not_mpii(const std::filesystem::path& root);
Inventory scan_mpii(const std::filesystem::path& root, const OpenOptions& options = {});
std::string why_not_lsp(const std::filesystem::path& root);
Inventory scan_lsp(const std::filesystem::path& root, const OpenOptions& options = {});
std::string why_not_nyu_depth_v2(const std::filesystem::path& root);
Inventory scan_nyu_depth_v2(const std::filesystem::path& root, const OpenOptions& options = {});

}  // namespace parsimony::data
