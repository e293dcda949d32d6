// Where is Chromium, for the tests of pages? Where the system has it, or `CHROMIUM` says; `deno task setup:chromium` asks apt for it.

const names = ["chromium", "chromium-browser", "google-chrome"];

/** Its program; undefined where there is none. */
export function chromium(): string | undefined {
  const candidates = [Deno.env.get("CHROMIUM"), ...names].filter((name) => name !== undefined);
  return candidates.find((name) => {
    try {
      return new Deno.Command(name, { args: ["--version"], stdout: "null", stderr: "null" }).outputSync().success;
    } catch {
      return false;
    }
  });
}

if (import.meta.main && chromium() === undefined) {
  const args = ["install", "-y", "--no-install-recommends", "chromium"];
  const { success } = await new Deno.Command("apt-get", { args, env: { DEBIAN_FRONTEND: "noninteractive" } }).spawn()
    .status;
  Deno.exit(success && chromium() !== undefined ? 0 : 1);
}
