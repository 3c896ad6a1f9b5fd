"""Run by the other tools' own Python: palettes of a folder of JPEGs by Pylette's batch; says the seconds that took."""

import json
import sys
import time
from pathlib import Path

from pylette import batch_extract_colors

if __name__ == "__main__":
    folder, threads, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    files = [str(path) for path in sorted(folder.glob("*.jpg"))[:count]]
    began_s = time.perf_counter()
    found = batch_extract_colors(images=files, palette_size=4, max_workers=threads)
    print(json.dumps({"seconds": time.perf_counter() - began_s, "palettes": sum(one.success for one in found)}))
