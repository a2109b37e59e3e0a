# cmake --install: the program, its unit, the configurations to copy from, and what to read.
include(GNUInstallDirs)
if(TARGET livetape)
  install(TARGETS livetape RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
# Not into /etc: an update must not write over what the operator changed there.
install(FILES README.md CHANGELOG.md LICENSE config/node.json config/stock.json DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(CODE "set(LIVETAPE_UNIT \"${CMAKE_CURRENT_LIST_DIR}/livetape.service\")")
install(CODE [[
  # The prefix is known only now. systemd reads units of /usr and /usr/local alike.
  file(READ "${LIVETAPE_UNIT}" unit)
  string(REPLACE "=/usr/bin/" "=${CMAKE_INSTALL_PREFIX}/bin/" unit "${unit}")
  string(REPLACE "file:/usr/share/" "file:${CMAKE_INSTALL_PREFIX}/share/" unit "${unit}")
  set(target "${CMAKE_INSTALL_PREFIX}/lib/systemd/system/livetape.service")
  file(WRITE "$ENV{DESTDIR}${target}" "${unit}")
  message(STATUS "Installing: $ENV{DESTDIR}${target}")
]])
