"""The application: FastAPI for all routes, with those that take rows as bare ASGI endpoints."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

import tenure
from tenure.serve.batch import BatchJobs
from tenure.serve.limits import Refused
from tenure.serve.metrics import CONTENT_TYPE
from tenure.serve.outcomes import OutcomesEndpoint
from tenure.serve.predict import EVERY_EFFECT, PredictEndpoint
from tenure.serve.protocols.mlflow import Invocations
from tenure.serve.protocols.open_inference import PREFIX, OpenInference
from tenure.serve.protocols.vertex import VertexPredict, VertexRoutes
from tenure.serve.service import Service
from tenure.serve.settings import ServeSettings

log = logging.getLogger(__name__)


class PredictionApp(FastAPI):
    """FastAPI whose routes for rows are answered before any middleware and routing.

    Middleware that is added later therefore sees every request but those for predictions.
    """

    service: Service
    direct: dict[str, ASGIApp]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or run the lifespan."""
        endpoint = self._direct(scope["path"]) if scope["type"] == "http" else None
        if endpoint is None:
            await super().__call__(scope, receive, send)
        else:
            await endpoint(scope, receive, send)

    def _direct(self, path: str) -> ASGIApp | None:
        found = self.direct.get(path)
        return self.direct[PREFIX] if found is None and path.startswith(f"{PREFIX}/") else found


def create_app(settings: ServeSettings) -> PredictionApp:
    """Return the service as an ASGI application. The model and the journal are opened when it starts."""
    service = Service(settings)

    jobs = BatchJobs(service)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with service.running():
            try:
                yield
            finally:
                await jobs.close()

    app = PredictionApp(
        title=settings.title, lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None
    )
    app.service = service
    vertex = VertexRoutes.from_environment()
    app.direct = {
        "/predict": PredictEndpoint(service, "/predict"),
        "/explain": PredictEndpoint(service, "/explain", EVERY_EFFECT),
        "/invocations": Invocations(service),
        PREFIX: OpenInference(service),
        **({} if vertex.predict is None else {vertex.predict: VertexPredict(service)}),
    }
    # The routes serve where the path has a prefix (root_path), which the short cut does not look for.
    app.router.routes += [Route(path, endpoint) for path, endpoint in app.direct.items()]
    app.router.routes.append(Route(f"{PREFIX}/{{rest:path}}", app.direct[PREFIX]))
    app.router.routes.append(Route("/outcomes", OutcomesEndpoint(service)))
    _add_batch_routes(app, service, jobs)
    _add_state_routes(app, service, vertex)
    _add_docs_routes(app, service)
    return app


def _add_state_routes(app: FastAPI, service: Service, vertex: VertexRoutes) -> None:
    async def livez(_: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(_: Request) -> Response:
        model = service.champion.model
        if model is None:
            return JSONResponse({"status": "not ready", "reason": service.champion.problem}, 503)
        return JSONResponse(
            {
                "status": "ready",
                "model": {"name": model.name, "version": model.version, "release": model.release},
            }
        )

    async def metrics(_: Request) -> Response:
        return Response(service.metrics.page(), media_type=CONTENT_TYPE)

    async def ping(_: Request) -> Response:
        # MLflow's and SageMaker's: a line feed when there is a model, 404 when there is none.
        return Response("\n", 200 if service.champion.model else 404, media_type="text/plain")

    async def version(_: Request) -> Response:
        return Response(tenure.__version__, media_type="text/plain")

    app.add_route("/livez", livez)
    app.add_route("/readyz", readyz)
    app.add_route("/metrics", metrics)
    app.add_route("/ping", ping)
    app.add_route("/health", ping)
    app.add_route("/version", version)
    if vertex.health is not None:
        app.add_route(vertex.health, readyz)


def _add_batch_routes(app: FastAPI, service: Service, jobs: BatchJobs) -> None:
    async def refused(_: Request, error: Exception) -> Response:
        found = cast(Refused, error)
        service.note_refusal(found)
        return JSONResponse(found.body(), found.status, headers=found.headers())

    app.add_exception_handler(Refused, refused)
    app.add_route("/batch", jobs.accept, methods=["POST"])
    app.add_route("/batch/{job}", jobs.state)
    app.add_route("/batch/{job}/result", jobs.result)


def _add_docs_routes(app: FastAPI, service: Service) -> None:
    from tenure.serve.openapi import openapi_document

    def document() -> dict[str, object]:
        settings = service.settings
        return openapi_document(
            settings.title,
            tenure.__version__,
            service.champion.model,
            has_token=bool(settings.tokens),
            skips_bad_rows=settings.skip_bad_rows,
        )

    async def openapi(_: Request) -> Response:
        return JSONResponse(document())

    async def docs(_: Request) -> Response:
        from tenure.serve.docs_page import docs_page

        page, policy = docs_page(document())
        return Response(page, media_type="text/html", headers={"Content-Security-Policy": policy})

    app.openapi = document  # type: ignore[method-assign]
    app.add_route("/openapi.json", openapi)
    app.add_route("/docs", docs)
