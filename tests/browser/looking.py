"""What a page is held to: axe in light and dark, no overflow on a phone, pictures of each step."""

from pathlib import Path

from playwright.async_api import Page, ViewportSize

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "artefacts" / "browser"
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
WIDE = ViewportSize(width=1440, height=900)
PHONE = ViewportSize(width=390, height=844)
THEMES = ("light", "dark")
_WEIGH = """async () => {
  const found = await axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], resultTypes: ["violations"],
  });
  return found.violations.flatMap((rule) => rule.nodes.map(
    (node) => `${rule.id}: ${node.target.join(" ")}: ${node.failureSummary}`));
}"""
_THEME = "theme => { document.documentElement.dataset.bsTheme = theme; }"
_OVERFLOW = """() => {
  const page = document.documentElement;
  if (page.scrollWidth <= page.clientWidth) return [];
  const wide = [...document.querySelectorAll("body *")].filter(
    (one) => one.getBoundingClientRect().right > page.clientWidth + 1);
  return [`page is ${page.scrollWidth} wide`, ...wide.slice(0, 5).map(
    (one) => one.tagName + "." + one.className)];
}"""


async def violations(page: Page) -> list[str]:
    """What axe finds on the page as it stands, in both themes."""
    if await page.evaluate("typeof axe === 'undefined'"):
        await page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[str] = []
    for theme in THEMES:
        await page.evaluate(_THEME, theme)
        found += [f"{theme}: {one}" for one in await page.evaluate(_WEIGH)]
    await page.evaluate(_THEME, "light")
    return found


async def picture(page: Page, name: str, *, width: int) -> None:
    """The whole page in a window of its height: nothing floats over anything."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    await page.set_viewport_size(ViewportSize(width=width, height=WIDE["height"]))
    height: int = await page.evaluate("document.documentElement.scrollHeight")
    await page.set_viewport_size(ViewportSize(width=width, height=height))
    await page.screenshot(path=PICTURES / f"{name}-{width}.png")


async def overflow(page: Page) -> list[str]:
    found: list[str] = await page.evaluate(_OVERFLOW)
    return found


async def look(page: Page, name: str) -> None:
    """Picture the page wide and on a phone, and hold it to the rules of this file."""
    await picture(page, name, width=PHONE["width"])
    wrong = await overflow(page)
    await picture(page, name, width=WIDE["width"])
    await page.set_viewport_size(WIDE)
    wrong += await violations(page)
    assert not wrong, "\n".join([f"{name}: {page.url}", *wrong])
