"use strict";
// Runs before the page is painted, so that a dark page never flashes white.
try {
  const kept = localStorage.getItem("st-theme");
  if (kept === "dark" || kept === "light") document.documentElement.dataset.bsTheme = kept;
} catch { /* storage is switched off: the light page stands */ }
