// SPDX-License-Identifier: MIT
#pragma once

/// Set by CMake from project(VERSION).
inline constexpr const char* livetape_version = LIVETAPE_VERSION;
