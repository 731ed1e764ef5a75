"""The language model that the settings name, as LangChain's chat model."""

from typing import Any

from langchain.chat_models import init_chat_model
from langchain_core.language_models import BaseChatModel

from assistant.errors import SettingsError
from assistant.model import Limits
from assistant.settings import Settings

_COMPATIBLE = "openai"  # the provider of every endpoint that speaks OpenAI's chat completions


def chat_model(settings: Settings, limits: Limits) -> BaseChatModel:
    """The model that the settings name. SettingsError: none such, its package is missing, or it lacks its key."""
    provider, _, name = settings.model.partition(":")
    if not (provider and name):
        raise SettingsError("设置 XUESHI_MODEL 有误：应写成“提供方:模型”，如 openai:qwen-plus；留空则不用语言模型。")
    key = settings.model_api_key.get_secret_value()
    options: dict[str, Any] = {"timeout": limits.silence, "max_retries": limits.retries, "temperature": 0}
    if settings.model_base_url:
        options["base_url"] = settings.model_base_url
    if key:
        options["api_key"] = key
    if provider == _COMPATIBLE:
        if not (key or settings.model_base_url):
            raise SettingsError("缺少设置 XUESHI_MODEL_API_KEY：XUESHI_MODEL 所选的语言模型需要密钥。")
        # A server without a key gets none, not the one that the library finds in the environment for another.
        options |= {"timeout": (limits.connect, limits.silence), "api_key": key or "-", "use_responses_api": False}
    try:
        made: BaseChatModel = init_chat_model(name, model_provider=provider, **options)
    except ImportError:
        raise SettingsError(
            f"设置 XUESHI_MODEL 用到的程序包没有安装：请运行 pip install 'xueshi[model]'，"
            f"或安装 LangChain 为 {provider} 提供的程序包。"
        ) from None
    except Exception:  # of the provider's own making, and it may tell the key
        raise SettingsError(
            "设置 XUESHI_MODEL 有误：不认识的提供方，或 XUESHI_MODEL_BASE_URL、XUESHI_MODEL_API_KEY 与它不符。"
        ) from None
    return made
