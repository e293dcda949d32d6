// Who looks at a stretch of programs beside others? A worker.
import { type Caught, lookAtStretch, type Stretch } from "./stretch.ts";

const scope = self as unknown as {
  onmessage: (event: MessageEvent<Stretch>) => void;
  postMessage: (message: readonly Caught[]) => void;
};

scope.onmessage = async ({ data }) => scope.postMessage(await lookAtStretch(data));
