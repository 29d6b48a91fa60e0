"""What the API takes and gives, as pydantic models: the OpenAPI document comes from them."""
