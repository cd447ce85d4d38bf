"""/docs and /redoc. Both work without the internet: everything they load comes from here."""

from fastapi import Request, Response

from app.api.routing import Router
from app.pages.html import page

# Swagger UI and Redoc write styles as they go; Redoc searches in a worker that it makes from a blob.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; "
    "script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; worker-src blob:"
}

router = Router("", include_in_schema=False)


@router.get("/docs")
async def swagger(request: Request) -> Response:
    scripts = "swagger-ui-bundle.js", "swagger.js"
    return _docs(request, "Try the API", styles=("swagger-ui.css",), scripts=scripts)


@router.get("/redoc")
async def redoc(request: Request) -> Response:
    return _docs(request, "API reference", styles=(), scripts=("redoc.standalone.js", "redoc.js"))


def _docs(request: Request, title: str, styles: tuple[str, ...], scripts: tuple[str, ...]) -> Response:
    schema = request.app.openapi_url
    return page(request, "docs.html", headers=HEADERS, title=title, schema=schema, styles=styles, scripts=scripts)
