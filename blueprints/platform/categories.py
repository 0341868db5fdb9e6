"""Categories, as the platform API speaks of them: /api/categories (003)."""

from __future__ import annotations

from blueprints.http.caller import caller, public
from blueprints.http.context import services
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.platform.dialect import dialect
from blueprints.platform.schemas.categories import (
    CategoryDeletion,
    CategoryListOut,
    CategoryName,
    CategoryOut,
    Deleted,
)
from models.categories import Category

categories = FamilyBlueprint(dialect, "categories", "/api/categories", "What videos are about.")


@categories.route("")
@categories.response(200, CategoryListOut)
@public
def list_categories() -> Json:
    """List all categories by name, each with how many public videos it has (003)."""
    return {"categories": services().categories.list()}


@categories.route("", methods=["POST"])
@categories.arguments(CategoryName)
@categories.response(201, CategoryOut)
def create(body: Json) -> Category:
    """Name a category; its slug is made of the name (003, admin). 409 for a name that is taken."""
    return services().categories.create(caller(), body["name"])


@categories.route("/<category_id>", methods=["PATCH"])
@categories.arguments(CategoryName)
@categories.response(200, CategoryOut)
def rename(body: Json, category_id: str) -> Category:
    """Give a category another name (003, admin). Its slug stays, and so do its videos."""
    return services().categories.rename(caller(), category_id, body["name"])


@categories.route("/<category_id>", methods=["DELETE"])
@categories.arguments(CategoryDeletion, location="query")
@categories.response(200, Deleted)
def delete(asked: Json, category_id: str) -> Json:
    """Forget a category (003, admin). 409 while videos are in it, or say `move_to`."""
    services().categories.delete(caller(), category_id, move_to=asked["move_to"])
    return {"success": True, "message": "The category is deleted."}
