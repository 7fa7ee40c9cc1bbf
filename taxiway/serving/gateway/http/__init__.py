"""REST: three protocols on one port, as raw ASGI under uvicorn."""
