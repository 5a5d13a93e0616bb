import { utimesSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

/** Touches the crate's build script, so that cargo embeds the page that was just built. */
const tellCargo: Plugin = {
  name: "tell-cargo",
  apply: "build",
  closeBundle() {
    const now = new Date();
    utimesSync(fileURLToPath(new URL("../build.rs", import.meta.url)), now, now);
  },
};

/** Puts a compressed copy beside each script and style sheet, for the server to send. */
const compress: Plugin = {
  name: "compress",
  apply: "build",
  enforce: "post",
  generateBundle(_, files) {
    for (const [fileName, file] of Object.entries(files)) {
      if (!/\.(js|css)$/.test(fileName)) continue;
      const source = gzipSync(file.type === "chunk" ? file.code : file.source, { level: 9 });
      this.emitFile({ type: "asset", fileName: `${fileName}.gz`, source });
    }
  },
};

export default defineConfig({
  // Addresses are relative: the page also works below a path of a proxy.
  base: "./",
  esbuild: { jsx: "automatic" },
  build: {
    target: "es2021",
    // No inline data: addresses, which the content security policy would have to allow.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  plugins: [compress, tellCargo],
  server: { proxy: { "/api": "http://127.0.0.1:8080" } },
});
