# Compiler options of every target of ours: link livetape_options, and pure for what holds no foreign types.
add_library(livetape_options INTERFACE)
target_include_directories(livetape_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(livetape_options INTERFACE -Wall -Wextra -Wpedantic -Werror -ffile-prefix-map=${PROJECT_SOURCE_DIR}/=)
if(CCACHE)
  # ccache needs this to cache what uses a precompiled header of GCC.
  target_compile_options(livetape_options INTERFACE -fpch-preprocess)
endif()

add_library(livetape_pure INTERFACE)
target_link_libraries(livetape_pure INTERFACE livetape_options)

if(LIVETAPE_SANITIZE)
  target_compile_options(livetape_options INTERFACE -fsanitize=address -fno-omit-frame-pointer)
  target_link_options(livetape_options INTERFACE -fsanitize=address,undefined)
  # vptr does not link with SOCI and null is violated by CAF's own headers, so only what includes neither is checked.
  target_compile_options(livetape_pure INTERFACE -fsanitize=undefined -fno-sanitize=vptr,null -fno-sanitize-recover=all)
endif()

find_program(MOLD mold)
if(MOLD)
  target_link_options(livetape_options INTERFACE -fuse-ld=mold)
endif()
