"""/v1/models: the one model this server thinks with."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from agents.embedded.rest.agents import default_handle
from agents.embedded.rest.deps import ServicesDep, answer
from agents.embedded.server_defaults import context_window

router = APIRouter(prefix="/v1/models")


@router.get("/")
async def list_models(services: ServicesDep) -> JSONResponse:
    """The configured model, or the offline one."""
    handle = default_handle(services.options)
    provider, _, name = handle.partition("/")
    window = context_window(services.options)
    return answer(
        [
            {
                "name": name,
                "model": name,
                "display_name": name,
                "handle": handle,
                "model_endpoint_type": "openai",
                "model_type": "llm",
                "provider_type": "openai",
                "provider_name": provider,
                "context_window": window,
                "max_context_window": window,
            }
        ]
    )


@router.get("/embedding")
async def list_embedding_models(services: ServicesDep) -> JSONResponse:
    """The configured one; without one, memory is searched by its words."""
    name = services.options.embedding if services.options.model else None
    if name is None:
        return answer([])
    return answer(
        [
            {
                "name": name,
                "display_name": name,
                "handle": f"openai/{name}",
                "embedding_model": name,
                "embedding_endpoint_type": "openai",
                "embedding_dim": 0,
                "model_type": "embedding",
                "provider_type": "openai",
                "provider_name": "openai",
            }
        ]
    )
