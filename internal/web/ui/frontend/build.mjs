// Builds what internal/web/ui embeds: hashed, minified, precompressed files and a manifest of their names.
//
//   node build.mjs           writes ../static
//   node build.mjs --check   builds into a temporary folder and fails if ../static differs
//
// Same input, same bytes: versions are pinned by package-lock.json, nothing reads a clock, and --check compares
// compressed files by what they hold, since zlib and brotli differ between releases of Node.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, brotliDecompressSync, constants, gunzipSync, gzipSync } from "node:zlib";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const modules = join(here, "node_modules");
const committed = join(here, "..", "static");
const check = process.argv.includes("--check");

// The icons that templates name; a test of web/page renders everything and looks for each in the sprite.
const icons = [
  "activity", "arrow-down", "arrow-up", "arrow-up-down", "arrow-up-right", "arrow-down-right", "bell", "box", "boxes", "building-2",
  "calendar", "chart-column", "check", "chevron-down", "chevron-right", "circle-check", "circle-dollar-sign", "circle-pause", "circle-x", "clock",
  "code", "container", "copy", "cpu", "database", "download", "external-link", "eye", "eye-off", "file-text", "globe", "hard-drive", "history", "key", "info",
  "layout-dashboard", "loader", "lock", "menu", "minus", "moon", "network", "play", "plus", "printer", "refresh-cw", "scale", "search", "server",
  "shield", "shield-check", "sun", "sun-moon", "tag", "trash-2", "triangle-alert", "unplug", "user", "users", "wifi", "x", "zap",
];

const manifest = {};

function emit(dir, name, content, compress = true) {
  const bytes = Buffer.from(content);
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 10);
  const dot = name.lastIndexOf(".");
  const hashed = `${name.slice(0, dot)}.${hash}${name.slice(dot)}`;
  manifest[name] = hashed;
  writeFileSync(join(dir, hashed), bytes);
  if (compress) {
    writeFileSync(join(dir, hashed + ".br"), brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }));
    writeFileSync(join(dir, hashed + ".gz"), gzipSync(bytes, { level: 9 }));
  }
  return hashed;
}

function sprite() {
  const symbols = icons.map((name) => {
    const svg = readFileSync(join(modules, "lucide-static", "icons", `${name}.svg`), "utf8");
    const body = svg.replace(/<!--.*?-->/gs, "").match(/<svg[^>]*>(.*)<\/svg>/s)[1].replace(/\s+/g, " ").replace(/> </g, "><").replace(/ ?\/>/g, "/>").trim();
    return `<symbol id="${name}" viewBox="0 0 24 24">${body}</symbol>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>`;
}

async function script(entry) {
  const out = await build({
    entryPoints: [join(here, entry)], absWorkingDir: here, bundle: true, minify: true, write: false,
    format: "esm", target: ["es2022"], legalComments: "none", charset: "utf8",
  });
  return out.outputFiles[0].contents;
}

function styles() {
  const dir = mkdtempSync(join(tmpdir(), "fresnel-css-"));
  const file = join(dir, "app.css");
  try {
    execFileSync(process.execPath, [join(modules, "@tailwindcss", "cli", "dist", "index.mjs"), "-i", "input.css", "-o", file, "--minify"], { cwd: here, stdio: ["ignore", "ignore", "pipe"] });
    return readFileSync(file, "utf8");
  } catch (err) {
    throw new Error(`tailwind: ${err.stderr ?? err}`);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

async function buildInto(dir) {
  for (const subset of ["latin", "latin-ext"]) {
    emit(dir, `inter-${subset}.woff2`, readFileSync(join(modules, "@fontsource-variable", "inter", "files", `inter-${subset}-wght-normal.woff2`)), false);
  }
  let css = styles();
  for (const name of ["inter-latin.woff2", "inter-latin-ext.woff2"]) {
    if (!css.includes(`url(${name})`)) throw new Error(`the style sheet does not use ${name}`);
    css = css.replaceAll(`url(${name})`, `url(${manifest[name]})`);
  }
  emit(dir, "app.css", css);
  emit(dir, "app.js", await script("app.js"));
  emit(dir, "chart.js", await script("chart.js"));
  emit(dir, "icons.svg", sprite());
  emit(dir, "favicon.svg", readFileSync(join(here, "favicon.svg")));
  const sorted = Object.fromEntries(Object.entries(manifest).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(join(dir, "manifest.json"), JSON.stringify(sorted, null, 2) + "\n");
}

function open(dir, name) {
  const raw = readFileSync(join(dir, name));
  if (name.endsWith(".br")) return brotliDecompressSync(raw);
  if (name.endsWith(".gz")) return gunzipSync(raw);
  return raw;
}

function differences(a, b) {
  const left = existsSync(a) ? readdirSync(a).sort() : [];
  const right = readdirSync(b).sort();
  const out = [];
  for (const name of new Set([...left, ...right])) {
    if (!left.includes(name)) out.push(`${name}: not committed`);
    else if (!right.includes(name)) out.push(`${name}: committed, but no longer built`);
    else if (!open(a, name).equals(open(b, name))) out.push(`${name}: differs`);
  }
  return out;
}

// Budgets of the design guide, section 10, in bytes of gzip.
function budgets(dir) {
  const size = (name) => readFileSync(join(dir, manifest[name] + ".gz")).length;
  const rows = [["css", size("app.css"), 20], ["js without chart", size("app.js"), 25], ["js with chart", size("app.js") + size("chart.js"), 95]];
  for (const [what, bytes, limit] of rows) {
    console.log(`assets: ${what} ${(bytes / 1024).toFixed(1)} KB gzip of ${limit} KB`);
    if (bytes > limit * 1024) throw new Error(`${what} is over its budget of ${limit} KB gzip`);
  }
}

const target = check ? mkdtempSync(join(tmpdir(), "fresnel-static-")) : committed;
try {
  if (!check) rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  await buildInto(target);
  budgets(target);
  if (check) {
    const diff = differences(committed, target);
    if (diff.length > 0) {
      console.error(`assets: internal/web/ui/static is not what the sources build; run scripts/assets and commit the result\n  ${diff.join("\n  ")}`);
      process.exitCode = 1;
    } else console.log("assets: committed files match their sources");
  }
} catch (err) {
  console.error(`assets: ${err.message}`);
  process.exitCode = 1;
} finally {
  if (check) rmSync(target, { recursive: true, force: true });
}
