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
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const apt = async (...args: string[]) => (await new Deno.Command("apt-get", { args, env }).spawn().status).success;
  const install = () => apt("install", "-y", "--no-install-recommends", "chromium");
  // what apt has may have to be asked first
  const success = await install() || await apt("update") && await install();
  Deno.exit(success && chromium() !== undefined ? 0 : 1);
}
